using System.Text.Json;
using FastSidecar.Load;
using FastSidecar.Load.Ticks;

// One request after the other on one thread: exit code 0 with JSON on standard output, 1 when the run is void, 2 when it was not
// understood.
try
{
    switch (args)
    {
        case ["run", .. var rest]:
            using (var generator = new Generator(LoadOptions.Parse(rest)))
            {
                Console.WriteLine(JsonSerializer.Serialize(generator.Run(Measuring), LoadJson.Default.LoadResult));
            }

            return 0;
        case ["start", .. var rest]:
            Console.WriteLine(JsonSerializer.Serialize(StartTime.Measure(LoadOptions.Parse(rest)), LoadJson.Default.StartResult));
            return 0;
        case ["ticks", .. var rest] when LoadOptions.Parse(rest) is { Listen: { } port } serving:
            using (var signal = new CancellationTokenSource())
            {
                using var stop = System.Runtime.InteropServices.PosixSignalRegistration.Create(
                    System.Runtime.InteropServices.PosixSignal.SIGTERM, context =>
                    {
                        context.Cancel = true;
                        signal.Cancel();
                    });
                await new TickServer(serving.Rate ?? 1, TimeProvider.System).RunAsync(port, signal.Token);
            }

            return 0;
        case ["ticks", .. var rest]:
            Console.WriteLine(JsonSerializer.Serialize(
                await new TickClient(LoadOptions.Parse(rest), TimeProvider.System).RunAsync(), LoadJson.Default.TickResult));
            return 0;
        case ["body", var length] when int.TryParse(length, out var bytes):
            using (var output = Console.OpenStandardOutput())
            {
                output.Write(Body.Make(bytes));
            }

            return 0;
        default:
            Console.Error.WriteLine(LoadOptions.Usage);
            return 2;
    }
}
catch (LoadException e)
{
    Console.Error.WriteLine($"void: {e.Message}");
    return 1;
}

// Whoever runs us reads counters of its own from here on.
static void Measuring(long answers) => Console.Error.WriteLine($"measuring {answers}");
