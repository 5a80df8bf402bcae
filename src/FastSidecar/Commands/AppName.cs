namespace FastSidecar.Commands;

/// <summary>An app id for somebody who gave none: easy to say, letters and a dash only.</summary>
internal static class AppName
{
    private static readonly string[] First =
    [
        "amber", "brave", "calm", "clever", "early", "gentle", "happy", "keen",
        "lucky", "merry", "quick", "quiet", "royal", "swift", "warm", "wise",
    ];

    private static readonly string[] Second =
    [
        "badger", "crane", "dolphin", "falcon", "finch", "fox", "heron", "lynx",
        "marten", "otter", "owl", "raven", "robin", "seal", "stork", "wren",
    ];

    public static string MakeUp(Random random) => $"{First[random.Next(First.Length)]}-{Second[random.Next(Second.Length)]}";
}
