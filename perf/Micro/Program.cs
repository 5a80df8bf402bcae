using System.Globalization;
using FastSidecar.Micro;

// The operations without a harness, so that whoever counts instructions counts nothing else: `run` for a person, `serve` for a counter
// that starts and stops between two lines. Times are perf/Benchmarks' business.
switch (args)
{
    case []:
        foreach (var operation in Operation.All())
        {
            Console.WriteLine($"{operation.Name,-24}{operation.Title}");
        }

        return 0;
    case ["run", var name, var times]:
        var chosen = Operation.Named(name);
        chosen.Repeat(Times(times));
        Console.WriteLine(chosen.Result());
        return 0;
    case ["serve"]:
        var operations = Operation.All().ToDictionary(operation => operation.Name);
        while (Console.ReadLine()?.Split(' ') is [var asked, var count])
        {
            operations[asked].Repeat(Times(count));
            Console.WriteLine(asked);
        }

        return 0;
    default:
        Console.Error.WriteLine(
            """
            micro                the operations
            micro run NAME N     runs one N times and prints its result
            micro serve          runs NAME N for each line "NAME N" and answers NAME
            """);
        return 2;
}

static int Times(string text) => int.Parse(text, CultureInfo.InvariantCulture);
