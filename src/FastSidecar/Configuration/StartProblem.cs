namespace FastSidecar.Configuration;

/// <summary>Why the sidecar cannot start: one fatal log line, then exit code 1.</summary>
internal readonly record struct StartProblem(string Scope, string Message)
{
    /// <summary>The scope of the runtime's own lines.</summary>
    public const string RuntimeScope = "dapr.runtime";

    /// <summary>A problem the runtime itself found (dapr cmd/daprd/app/app.go).</summary>
    public static StartProblem OfRuntime(string reason) => new(RuntimeScope, $"Fatal error from runtime: {reason}");
}

/// <summary>Thrown by whoever constructs the sidecar; the command logs <see cref="Problem"/> and ends with 1.</summary>
internal sealed class SidecarStartException : Exception
{
    public SidecarStartException(StartProblem problem, Exception? inner = null)
        : base(problem.Message, inner) => Problem = problem;

    /// <summary>The runtime's usual form: <c>Fatal error from runtime: reason</c>.</summary>
    public SidecarStartException(string reason, Exception? inner = null)
        : this(StartProblem.OfRuntime(reason), inner)
    {
    }

    public StartProblem Problem { get; }
}
