using FastSidecar.Transport.Buffers;

namespace FastSidecar.Invocation;

/// <summary>Brings a request's method into the one form that is decided on and dispatched (<see cref="MethodPath"/>).</summary>
internal static class NormalizedMethod
{
    /// <summary>
    /// Replaces the method by its normal form; an error when it has none. A method that is normal already costs no allocation.
    /// </summary>
    public static InvokeError? Apply(InvokeRequest request)
    {
        if (MethodPath.IsNormal(request.Method.Span))
        {
            return null;
        }

        using var normal = new PooledBufferWriter();
        if (MethodPath.Normalize(request.Method.Span, normal) is { } error)
        {
            return ErrorTable.InvalidMethod(error);
        }

        request.Method.Set(normal.WrittenSpan);
        return null;
    }
}
