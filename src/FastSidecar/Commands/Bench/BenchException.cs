namespace FastSidecar.Commands.Bench;

/// <summary>An answer was wrong or missing, so that nothing was measured; the message is for the person who ran it.</summary>
internal sealed class BenchException(string message) : Exception(message);
