using System.Diagnostics;
using System.Globalization;

namespace FastSidecar.Fuzz;

/// <summary>
/// Runs a target on inputs that grow out of its seeds. The ordinary test run takes a fixed number of inputs from a fixed random seed, so it
/// is the same every time; <c>FASTSIDECAR_FUZZ_SECONDS=60 dotnet test tests/Fuzz</c> goes on with new random seeds for that long per
/// target.
/// </summary>
internal static class FuzzRun
{
    private const int InputsPerRun = 5_000;

    /// <summary>An ordinary run ends here even on a machine that crawls.</summary>
    private static readonly TimeSpan OrdinaryLimit = TimeSpan.FromSeconds(10);

    /// <param name="seeds">Valid inputs: mutations of these reach deeper than noise does.</param>
    /// <param name="target">Gets an input and a random source for its own choices; throws when it finds a fault.</param>
    /// <param name="inputs">How many inputs one random seed gives; fewer for a slow target.</param>
    public static void Run(IReadOnlyList<byte[]> seeds, Action<byte[], Random> target, int inputs = InputsPerRun)
    {
        var elapsed = Stopwatch.StartNew();
        var longRun = Environment.GetEnvironmentVariable("FASTSIDECAR_FUZZ_SECONDS");
        var limit = longRun is null ? OrdinaryLimit : TimeSpan.FromSeconds(int.Parse(longRun, CultureInfo.InvariantCulture));
        var randomSeed = longRun is null ? 1 : Environment.TickCount;
        do
        {
            RunOnce(seeds, target, inputs, randomSeed++, elapsed, limit);
        }
        while (longRun is not null && elapsed.Elapsed < limit);
    }

    private static void RunOnce(
        IReadOnlyList<byte[]> seeds, Action<byte[], Random> target, int inputs, int randomSeed, Stopwatch elapsed, TimeSpan limit)
    {
        var random = new Random(randomSeed);
        var mutator = new Mutator(random, seeds);
        foreach (var seed in seeds)
        {
            Try(seed, target, random, randomSeed, input: -1);
        }

        for (var i = 0; i < inputs && elapsed.Elapsed < limit; i++)
        {
            Try(mutator.Next(), target, random, randomSeed, i);
        }
    }

    private static void Try(byte[] bytes, Action<byte[], Random> target, Random random, int randomSeed, int input)
    {
        try
        {
            target(bytes, random);
        }
        catch (Exception e)
        {
            throw new FuzzFailureException($"random seed {randomSeed}, input {input}: {Convert.ToHexString(bytes)}", e);
        }
    }
}

/// <summary>A target found a fault; the message holds what repeats it.</summary>
internal sealed class FuzzFailureException(string message, Exception inner) : Exception(message, inner);
