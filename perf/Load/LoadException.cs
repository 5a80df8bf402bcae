namespace FastSidecar.Load;

/// <summary>The run is void: its message is what the user is told, and the exit code is 1.</summary>
internal sealed class LoadException(string message) : Exception(message);
