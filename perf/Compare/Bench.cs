using FastSidecar.Load;

namespace FastSidecar.Compare;

/// <summary>The app and the arms in front of it, ready to be measured.</summary>
internal sealed class Bench : IDisposable
{
    /// <summary>A file in memory, so that no disk takes part.</summary>
    private const string MemoryFolder = "/dev/shm";

    private const int Mebibyte = 1024 * 1024;

    private readonly string _work;
    private readonly Places _places;
    private readonly AllocationMeter _meter = new();

    private Bench(string work, Places places, LoadProgram load, Arm app, IReadOnlyList<Arm> arms)
    {
        _work = work;
        _places = places;
        Load = load;
        App = app;
        Arms = arms;
    }

    public LoadProgram Load { get; }

    public Arm App { get; }

    public IReadOnlyList<Arm> Arms { get; }

    /// <summary>Fills in every configuration and starts the app. Arms whose programs are missing are named and left out.</summary>
    public static async Task<Bench> PrepareAsync(string repository, IReadOnlyList<string> armFolders, TextWriter log)
    {
        var work = Directory.CreateDirectory(Path.Combine(
            Directory.Exists(MemoryFolder) ? MemoryFolder : Path.GetTempPath(), $"fastsidecar-perf-{Environment.ProcessId}")).FullName;
        var places = new Places(
            new Dictionary<string, string> { ["repo"] = repository, ["body1k"] = System.Text.Encoding.ASCII.GetString(Body.Make(1024)) });
        var app = Arm.Prepare(Path.Combine(repository, "perf/Arms/app"), work, places);
        var own = app.Places["work"];
        File.WriteAllBytes(Path.Combine(own, "64k"), Body.Make(64 * 1024));
        File.WriteAllBytes(Path.Combine(own, "1m"), Body.Make(Mebibyte));
        Directory.CreateDirectory(Path.Combine(own, "store"));
        File.WriteAllBytes(Path.Combine(own, "store", "1m"), []);

        var echo = own + "/grpc" + Scenarios.GrpcPath;
        Directory.CreateDirectory(Path.GetDirectoryName(echo)!);
        File.WriteAllBytes(echo, GrpcConnection.Message(Body.Make(1024)));

        // An app in front of which nothing stands is what every arm has behind it.
        places = places.With(new KeyValuePair<string, string>("app", app.Places["app"]), new("grpcApp", app.Places["grpcApp"]));
        var arms = new List<Arm>();
        foreach (var folder in armFolders)
        {
            var arm = Arm.Prepare(folder, work, places);
            var commands = arm.File.Processes.Select(program => places.Fill(program.Command[0]));
            if (commands.FirstOrDefault(command => !Programs.Exists(command)) is { } missing)
            {
                log.WriteLine($"arm {arm.Name} is left out: {missing} is not installed");
                continue;
            }

            arms.Add(arm);
        }

        var bench = new Bench(work, places, new LoadProgram(Path.Combine(repository, "artifacts/perf/load")), app, arms);
        try
        {
            await app.StartAsync("/1k");
            return bench;
        }
        catch
        {
            bench.Dispose();
            throw;
        }
    }

    /// <summary>Starts every arm and sees that uploads arrive through it as they were sent.</summary>
    public async Task StartArmsAsync()
    {
        foreach (var arm in Arms)
        {
            await StartAsync(arm);
        }
    }

    /// <summary>Starts an arm, and returns when it answers.</summary>
    public Task StartAsync(Arm arm) => arm.StartAsync(arm.File.Grpc ? Scenarios.GrpcPath : "/1k");

    /// <summary>One of perf/Arms on ports of its own, in front of another gRPC app. The caller disposes it.</summary>
    public Arm PrepareAgain(string arm, string name, string grpcApp) =>
        Arm.Prepare(Path.Combine(_places["repo"], "perf/Arms", arm), _work, _places.With(new KeyValuePair<string, string>("grpcApp", grpcApp)), name);

    /// <summary>One run through a started arm.</summary>
    public async Task<Run> MeasureAsync(int block, Arm arm, Scenario scenario, double seconds, double warmUp)
    {
        var run = new Run { Block = block, Arm = arm.Name, Scenario = scenario.Name };
        var processes = arm.Processes.Concat(App.Processes).ToArray();
        var ids = processes.Select(process => process.Id).ToArray();
        try
        {
            ForgetUpload(scenario);
            await _meter.PrepareAsync(processes);
            var machine = MachineLoad.Read();
            var own = MachineLoad.Own(ids);
            var load = await Load.RunAsync(arm.Url(scenario.Path, scenario.Targets), scenario, seconds, warmUp, ids, _meter.BeginAsync);
            own = MachineLoad.Own(ids) - own + (load.GeneratorCpu * load.AllAnswers / 1e6);
            var others = MachineLoad.OthersSince(machine, own);
            var allocated = await _meter.EndAsync(load.AllAnswers);
            CheckUpload(scenario);
            return run with
            {
                Load = load,
                OtherCpuShare = Math.Round(others, 3),
                Costs =
                [
                    .. processes.Select((process, i) =>
                        Run.CostOf(process.Name, App.Processes.Contains(process), load.Processes[i], load, allocated[i])),
                ],
            };
        }
        catch (Exception e) when (e is LoadException or HttpRequestException or OperationCanceledException)
        {
            return run with { Void = e.Message };
        }
    }

    public void Dispose()
    {
        foreach (var arm in Arms)
        {
            arm.Dispose();
        }

        App.Dispose();
        _meter.Dispose();
        Directory.Delete(_work, recursive: true);
    }

    private string Upload(Scenario scenario) => Path.Combine(App.Places["work"], scenario.Path.TrimStart('/'));

    private void ForgetUpload(Scenario scenario)
    {
        if (scenario.Method == "PUT")
        {
            File.WriteAllBytes(Upload(scenario), []);
        }
    }

    /// <summary>The app has stored what came last.</summary>
    private void CheckUpload(Scenario scenario)
    {
        if (scenario.Method == "PUT" && !File.ReadAllBytes(Upload(scenario)).AsSpan().SequenceEqual(Body.Make(scenario.SendBytes)))
        {
            throw new LoadException("the app did not get the body that was sent");
        }
    }
}
