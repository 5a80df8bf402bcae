namespace FastSidecar.Compare;

/// <summary>Times from exec of the program in front to its first right answer, milliseconds. What stands behind it runs already.</summary>
/// <param name="What"><c>healthz</c>: its health endpoint answered 204; <c>proxied</c>: a request came through to the app.</param>
internal sealed record Starts(string Arm, string What, IReadOnlyList<double> Milliseconds)
{
    /// <summary>The arm of the bare Kestrel that starts are compared with.</summary>
    public const string Bare = "bare";

    public static async Task<IReadOnlyList<Starts>> MeasureAsync(Bench bench, Arm arm, int runs)
    {
        // The front's place is taken by processes that the generator starts and ends.
        arm.Stop();
        await arm.StartAsync("/1k");
        var front = arm.Processes[^1];
        front.End();
        var command = arm.Places.Fill(arm.File.Processes[^1].Command);
        var starts = new List<Starts>();
        if (arm.File.Health is { } health)
        {
            starts.Add(new(arm.Name, "healthz", (await bench.Load.StartAsync(arm.Places.Fill(health), 204, runs, command)).Milliseconds));
        }

        starts.Add(new(arm.Name, "proxied", (await bench.Load.StartAsync(arm.Url("/1k"), 200, runs, command)).Milliseconds));
        if (arm.File.Bare is { } bare)
        {
            var milliseconds = (await bench.Load.StartAsync(arm.Places.Fill(bare.Url), 204, runs, arm.Places.Fill(bare.Command)))
                .Milliseconds;
            starts.Add(new(Bare, "healthz", milliseconds));
        }

        arm.Stop();
        await arm.StartAsync("/1k");
        return starts;
    }
}
