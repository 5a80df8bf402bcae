using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace FastSidecar.Invocation;

/// <summary>A response, or why there is none. Whoever holds it owns the response and disposes it.</summary>
internal readonly struct InvokeResult
{
    /// <summary>
    /// One reference rather than two: results pass through every layer of a call, most of the time through its stored state.
    /// </summary>
    private readonly object _value;

    private InvokeResult(object value) => _value = value;

    public InvokeResponse? Response => Failed ? null : Unsafe.As<InvokeResponse>(_value);

    public InvokeError? Error => _value as InvokeError;

    [MemberNotNullWhen(true, nameof(Error))]
    [MemberNotNullWhen(false, nameof(Response))]
    public bool Failed => _value is InvokeError;

    public static implicit operator InvokeResult(InvokeResponse response) => new(response);

    public static implicit operator InvokeResult(InvokeError error) => new(error);
}
