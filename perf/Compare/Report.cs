namespace FastSidecar.Compare;

/// <summary>What the files of a report are made from.</summary>
internal sealed record Report
{
    public required Machine Machine { get; init; }

    public required Plan Plan { get; init; }

    public required string Command { get; init; }

    public required double Seconds { get; init; }

    public required IReadOnlyList<Scenario> Scenarios { get; init; }

    public required IReadOnlyList<ArmDescription> Arms { get; init; }

    public required Findings Findings { get; init; }

    public required IReadOnlyList<Outcome> Outcomes { get; init; }

    public required IReadOnlyList<Claim> Claims { get; init; }

    public Outcome? Outcome(string arm, string scenario) => Outcomes.FirstOrDefault(one => one.Arm == arm && one.Scenario == scenario);

    /// <summary>Writes summary.json, report.md and the pictures.</summary>
    public void Write(string folder)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "summary.json"), SummaryFile.Write(this));
        foreach (var (name, picture) in Pictures.All(this))
        {
            File.WriteAllText(Path.Combine(folder, name), picture);
        }

        File.WriteAllText(Path.Combine(folder, "report.md"), ReportPage.Write(this));
    }
}

/// <summary>What an arm was in this run.</summary>
/// <param name="BinaryBytes">Null when the arm does not name its program.</param>
/// <param name="Files">Its arm.json and configurations, as committed.</param>
internal sealed record ArmDescription(
    string Name, string Title, string? Version, long? BinaryBytes, IReadOnlyDictionary<string, string> Files)
{
    public static ArmDescription Of(Arm arm, string folder) => new(
        arm.Name,
        arm.File.Title,
        arm.File.Version is { } command ? Programs.Output(arm.Places.Fill(command))?.Split('\n')[0] : null,
        arm.File.Binary is { } binary && arm.Places.Fill(binary) is var path && File.Exists(path) ? new FileInfo(path).Length : null,
        Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal).ToDictionary(file => Path.GetFileName(file), File.ReadAllText));
}
