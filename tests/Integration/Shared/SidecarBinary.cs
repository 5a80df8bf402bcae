using FastSidecar.Integration.Samples;

namespace FastSidecar.Integration.Shared;

/// <summary>The published program, the only thing these tests run: <c>FASTSIDECAR_BINARY</c>, or what <c>make build</c> left in the repository.</summary>
internal static class SidecarBinary
{
    private const string Variable = "FASTSIDECAR_BINARY";

    /// <summary>Missing it is a failure, never a skip: without it nothing here is tested.</summary>
    public static string Path
    {
        get
        {
            var path = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given ? given : Repository.Binary;
            return File.Exists(path) ? path : throw new InvalidOperationException($"{path} does not exist: run `make build`, or name a binary in {Variable}");
        }
    }
}
