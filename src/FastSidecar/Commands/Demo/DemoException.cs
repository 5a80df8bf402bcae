namespace FastSidecar.Commands.Demo;

/// <summary>The demo did not go as it should; the message is for the person who ran it.</summary>
internal sealed class DemoException(string message) : Exception(message);
