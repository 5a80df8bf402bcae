using System.Text;
using System.Text.Json;
using FastSidecar.Compare;
using FastSidecar.Load;

namespace FastSidecar.Budgets.Measuring;

/// <summary>
/// An app and two sidecars in front of it, as perf/Compare arranges them: <c>perf/Arms/fastsidecar</c>, or <c>grpc-fastsidecar</c>, where
/// nothing is looked up by multicast. Requests come over one connection, one after the other, so that every one of them costs the same.
/// </summary>
internal sealed class SidecarPair : IDisposable
{
    private const int BodyBytes = 1024;

    /// <summary>Far above what any run takes, under callgrind and on a busy machine too.</summary>
    private const double SecondsAtMost = 120;

    private readonly string _work;
    private readonly Arm _app;
    private readonly Arm _sidecars;

    private readonly string _path;

    private SidecarPair(string work, string path, Arm app, Arm sidecars)
    {
        _work = work;
        _path = path;
        _app = app;
        _sidecars = sidecars;
    }

    /// <summary>The caller's sidecar.</summary>
    public ArmProcess Caller => _sidecars.Processes.Single(static process => process.Name == "front");

    /// <summary>The app's sidecar.</summary>
    public ArmProcess Callee => _sidecars.Processes.Single(static process => process.Name == "back");

    /// <summary>Both, with the names that budgets have for them.</summary>
    public IReadOnlyList<(string Name, ArmProcess Process)> Both => [("caller", Caller), ("callee", Callee)];

    /// <summary>Null unless both run under it.</summary>
    public Callgrind? Callgrind { get; private init; }

    /// <summary>Returns when a request has come through.</summary>
    public static async Task<SidecarPair> StartAsync(bool isGrpc, bool underCallgrind)
    {
        var work = Directory.CreateTempSubdirectory("fastsidecar-budgets").FullName;
        var callgrind = underCallgrind ? new Callgrind(work) : null;
        var places = new Places(new Dictionary<string, string>
        {
            ["repo"] = Repository.Root,
            ["body1k"] = Encoding.ASCII.GetString(Body.Make(BodyBytes)),
        });
        var arms = Path.Combine(Repository.Root, "perf", "Arms");
        var app = Arm.Prepare(Path.Combine(arms, "app"), work, places);
        var folder = Path.Combine(arms, isGrpc ? "grpc-fastsidecar" : "fastsidecar");
        var path = isGrpc ? Scenarios.GrpcPath : "/1k";
        var echo = app.Places["work"] + "/grpc" + Scenarios.GrpcPath;
        Directory.CreateDirectory(Path.GetDirectoryName(echo)!);
        File.WriteAllBytes(echo, GrpcConnection.Message(Body.Make(BodyBytes)));
        if (callgrind is not null)
        {
            folder = Wrap(folder, Path.Combine(work, "arm"), callgrind);
        }

        var sidecars = Arm.Prepare(folder, work, places.With(
            new KeyValuePair<string, string>("app", app.Places["app"]), new("grpcApp", app.Places["grpcApp"])));
        var pair = new SidecarPair(work, path, app, sidecars) { Callgrind = callgrind };
        try
        {
            await app.StartAsync("/1k");
            await sidecars.StartAsync(path);
            return pair;
        }
        catch
        {
            pair.Dispose();
            throw;
        }
    }

    /// <summary>Sends so many requests, POST of 1 KiB answered with 1 KiB, and checks their answers.</summary>
    public Task SendAsync(int requests) => Task.Factory.StartNew(
        () =>
        {
            using var generator = new Generator(new LoadOptions
            {
                Url = _sidecars.Url(_path),
                Grpc = _sidecars.File.Grpc,
                Headers = _sidecars.File.Grpc ? [$"dapr-app-id: {LoadProgram.AppId}"] : [],
                BodyBytes = BodyBytes,
                ExpectBody = BodyBytes,
                Requests = requests,
                WarmUpSeconds = 0,
                Seconds = SecondsAtMost,
            });
            generator.Run(static _ => { });
        },
        TaskCreationOptions.LongRunning);

    public void Dispose()
    {
        _sidecars.Dispose();
        _app.Dispose();
        Directory.Delete(_work, recursive: true);
    }

    /// <summary>The same arm with every program under callgrind.</summary>
    private static string Wrap(string folder, string wrapped, Callgrind callgrind)
    {
        Directory.CreateDirectory(wrapped);
        foreach (var file in Directory.EnumerateFiles(folder))
        {
            File.Copy(file, Path.Combine(wrapped, Path.GetFileName(file)));
        }

        var arm = ArmFile.Read(folder);
        arm = arm with
        {
            Processes =
            [
                .. arm.Processes.Select(program => program with
                {
                    Command = [.. callgrind.Prefix(program.Name), .. program.Command],
                    Environment = Callgrind.Environment,
                }),
            ],
        };
        File.WriteAllText(Path.Combine(wrapped, ArmFile.Name), JsonSerializer.Serialize(arm, ArmJson.Default.ArmFile));
        return wrapped;
    }
}
