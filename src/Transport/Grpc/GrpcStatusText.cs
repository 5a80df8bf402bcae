using System.Buffers.Text;
using System.Globalization;

namespace FastSidecar.Transport.Grpc;

/// <summary>Names of status codes as grpc-go prints them (codes/code_string.go), and the grpc-status header.</summary>
public static class GrpcStatusText
{
    /// <summary>Longest value of a grpc-status header that <see cref="Write"/> makes, in bytes.</summary>
    public const int MaxBytes = 10;

    private static readonly string[] Names =
    [
        "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists", "PermissionDenied", "ResourceExhausted",
        "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss", "Unauthenticated",
    ];

    /// <summary>The name, or <c>Code(17)</c> for a number without one.</summary>
    public static string NameOf(GrpcStatusCode code) =>
        (uint)code < (uint)Names.Length ? Names[(int)code] : string.Create(CultureInfo.InvariantCulture, $"Code({(uint)code})");

    /// <summary>
    /// Reads a grpc-status header. Any 32-bit number is a code, also a negative one, as in grpc-go (internal/transport/http2_client.go:
    /// ParseInt to uint32).
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> value, out GrpcStatusCode code)
    {
        code = GrpcStatusCode.Unknown;
        if (!Utf8Parser.TryParse(value, out int number, out var taken) || taken != value.Length)
        {
            return false;
        }

        code = (GrpcStatusCode)number;
        return true;
    }

    /// <summary>Writes the number and returns its length. <paramref name="output"/> must have <see cref="MaxBytes"/>.</summary>
    public static int Write(GrpcStatusCode code, Span<byte> output) =>
        Utf8Formatter.TryFormat((uint)code, output, out var length) ? length : throw new ArgumentException("the span is too short", nameof(output));
}
