using System.Diagnostics;
using System.Globalization;
using FastSidecar.Compare;
using FastSidecar.Micro;
using FastSidecar.Tests.Shared;

namespace FastSidecar.Budgets.Measuring;

/// <summary>Instructions of each operation of perf/Micro, all of them in one process.</summary>
internal static class OperationCosts
{
    /// <summary>Static constructors, the first growing of buffers.</summary>
    private const int WarmUp = 100;

    /// <summary>Reading a line and answering it costs some ten thousand instructions, which is one or two for each time.</summary>
    private const int Times = 5000;

    public static async Task<Dictionary<string, double>> InstructionsAsync()
    {
        var costs = new Dictionary<string, double>();
        var folder = Directory.CreateTempSubdirectory("fastsidecar-micro").FullName;
        var callgrind = new Callgrind(folder);
        using var micro = Start(callgrind);
        try
        {
            await RunAsync(micro, "hpack-encode", 1);
            Callgrind.Begin(micro.Id);
            foreach (var operation in Operation.All())
            {
                await RunAsync(micro, operation.Name, WarmUp);
                callgrind.Take("micro", micro.Id);
                await RunAsync(micro, operation.Name, Times);
                costs.Add($"operation/{operation.Name}/instructions", Math.Round((double)callgrind.Take("micro", micro.Id) / Times));
            }

            micro.StandardInput.Close();
            await micro.WaitForExitAsync().Within("the operations' end");
            return costs;
        }
        finally
        {
            if (!micro.HasExited)
            {
                micro.Kill();
                await micro.WaitForExitAsync().Within("the operations' end");
            }

            Directory.Delete(folder, recursive: true);
        }
    }

    private static Process Start(Callgrind callgrind)
    {
        string[] command = [.. callgrind.Prefix("micro"), "--log-file=/dev/null", Repository.Micro, "serve"];
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        Programs.KeepOutSurroundings(start);
        foreach (var (name, value) in Callgrind.Environment)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    private static async Task RunAsync(Process micro, string operation, int times)
    {
        await micro.StandardInput.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{operation} {times}"));
        await micro.StandardInput.FlushAsync();
        var answer = await micro.StandardOutput.ReadLineAsync().Within(operation);
        if (answer != operation)
        {
            throw new InvalidOperationException($"{operation} was answered with {answer ?? "the end"}");
        }
    }
}
