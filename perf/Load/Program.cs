using System.Text.Json;
using FastSidecar.Load;

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
