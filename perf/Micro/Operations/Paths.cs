using System.Text;
using FastSidecar.Api.Http;
using FastSidecar.Invocation;

namespace FastSidecar.Micro.Operations;

/// <summary>The look at a method that is in its normal form, as nearly all are; both sidecars take it for every request.</summary>
internal sealed class MethodNormal : Operation
{
    private readonly InvokeRequest _request = new();

    public MethodNormal()
        : base("method-normal", "Normal form of a method that has it already")
    {
        _request.Method.Set("api/v2/orders/4711/lines"u8);
    }

    public override int Run() => NormalizedMethod.Apply(_request) is null ? _request.Method.Span.Length : -1;

    public override string Result() => $"{Run()} {Encoding.UTF8.GetString(_request.Method.Span)}";
}

/// <summary>Go's path.Clean where there is something to clean.</summary>
internal sealed class PathClean() : Operation("path-clean", "A path with doubles and dots cleaned")
{
    private readonly byte[] _path = "/api//v2/./orders/x/../4711/lines/"u8.ToArray();
    private readonly byte[] _output = new byte[64];

    public override int Run() => GoPath.Clean(_path, _output);

    public override string Result() => Encoding.UTF8.GetString(_output, 0, Run());
}

/// <summary>Target and method found in a path. Only a path that is seen for the first time costs this.</summary>
internal sealed class PathInvoke() : Operation("path-invoke", "App id and method found in an invoke path")
{
    private readonly byte[] _path = "/v1.0/invoke/orders/method/api/v2/orders/4711/lines"u8.ToArray();

    public override int Run() => InvokePath.FromPath(_path).Method.Length;

    public override string Result()
    {
        var found = InvokePath.FromPath(_path);
        return $"{found.Form} {Encoding.UTF8.GetString(found.TargetId)} {Encoding.UTF8.GetString(found.Method)}";
    }
}
