namespace FastSidecar.Compare;

/// <summary>Nothing can be measured; the message is what the user is told.</summary>
internal sealed class CompareException(string message) : Exception(message);
