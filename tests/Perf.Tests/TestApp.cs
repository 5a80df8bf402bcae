using FastSidecar.Compare;
using FastSidecar.Load;

namespace FastSidecar.Perf.Tests;

/// <summary>The app of the measurements, nginx, started for a test.</summary>
internal sealed class TestApp : IDisposable
{
    private readonly string _work;

    private TestApp(string work, Arm app)
    {
        _work = work;
        App = app;
    }

    public Arm App { get; }

    public int ProcessId => App.Processes[0].Id;

    public static async Task<TestApp> StartAsync()
    {
        var work = Directory.CreateTempSubdirectory("fastsidecar-perf-test").FullName;
        var places = new Places(
            new Dictionary<string,
                string> { ["repo"] = Repository.Root, ["body1k"] = System.Text.Encoding.ASCII.GetString(Body.Make(1024)) });
        var app = Arm.Prepare(Path.Combine(Repository.Root, "perf/Arms/app"), work, places);
        File.WriteAllBytes(Path.Combine(app.Places["work"], "64k"), Body.Make(64 * 1024));
        Directory.CreateDirectory(Path.Combine(app.Places["work"], "store"));
        var grpc = Directory.CreateDirectory(Path.Combine(app.Places["work"], "grpc")).FullName;
        File.WriteAllBytes(Path.Combine(grpc, "1k"), GrpcConnection.Message(Body.Make(1024)));
        File.WriteAllBytes(Path.Combine(grpc, "1m"), GrpcConnection.Message(Body.Make(1024 * 1024)));
        try
        {
            await app.StartAsync("/1k");
        }
        catch
        {
            app.Dispose();
            throw;
        }

        return new TestApp(work, app);
    }

    /// <summary>Runs the generator inside the test, on a thread of its own.</summary>
    public Task<LoadResult> LoadAsync(LoadOptions options, string path = "/1k") => Task.Factory.StartNew(
        () =>
        {
            using var generator =
                new Generator(options with { Url = options.Grpc ? $"http://127.0.0.1:{App.Places["grpcApp"]}{path}" : App.Url(path) });
            return generator.Run(_ => { });
        },
        TaskCreationOptions.LongRunning);

    public void Dispose()
    {
        App.Dispose();
        Directory.Delete(_work, recursive: true);
    }
}
