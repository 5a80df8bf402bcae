using System.Text;

namespace FastSidecar.Transport.Grpc;

/// <summary>
/// Percent-encoding of the grpc-message header (grpc/grpc doc/PROTOCOL-HTTP2.md, Percent-Encoded), byte for byte as grpc-go does it
/// (internal/transport/http_util.go): what is not UTF-8 becomes U+FFFD; decoding never fails.
/// </summary>
public static class GrpcMessageEncoding
{
    private static ReadOnlySpan<byte> EncodedReplacement => "%EF%BF%BD"u8;

    private static ReadOnlySpan<byte> UpperHex => "0123456789ABCDEF"u8;

    /// <summary>How many bytes <see cref="Encode"/> will write.</summary>
    public static int EncodedLength(ReadOnlySpan<byte> message)
    {
        var length = 0;
        while (!message.IsEmpty)
        {
            var taken = Take(message, out var kind);
            length = checked(length + (kind switch
            {
                Kind.Plain => taken,
                Kind.Invalid => EncodedReplacement.Length,
                _ => 3 * taken,
            }));
            message = message[taken..];
        }

        return length;
    }

    /// <summary>
    /// Writes the header's value and returns its length. <paramref name="output"/> must hold <see cref="EncodedLength"/>.
    /// </summary>
    public static int Encode(ReadOnlySpan<byte> message, Span<byte> output)
    {
        var written = 0;
        while (!message.IsEmpty)
        {
            var taken = Take(message, out var kind);
            switch (kind)
            {
                case Kind.Plain:
                    message[..taken].CopyTo(output[written..]);
                    written += taken;
                    break;
                case Kind.Invalid:
                    EncodedReplacement.CopyTo(output[written..]);
                    written += EncodedReplacement.Length;
                    break;
                default:
                    foreach (var b in message[..taken])
                    {
                        output[written++] = (byte)'%';
                        output[written++] = UpperHex[b >> 4];
                        output[written++] = UpperHex[b & 0xf];
                    }

                    break;
            }

            message = message[taken..];
        }

        return written;
    }

    /// <summary>
    /// Writes the message's bytes and returns their number, at most <c>value.Length</c>. A percent sign without two hex digits stands for
    /// itself.
    /// </summary>
    public static int Decode(ReadOnlySpan<byte> value, Span<byte> output)
    {
        var written = 0;
        for (var i = 0; i < value.Length; i++)
        {
            if (value[i] == '%' && i + 2 < value.Length && char.IsAsciiHexDigit((char)value[i + 1]) && char.IsAsciiHexDigit((char)value[i + 2]))
            {
                output[written++] = (byte)((HexDigit(value[i + 1]) << 4) | HexDigit(value[i + 2]));
                i += 2;
            }
            else
            {
                output[written++] = value[i];
            }
        }

        return written;
    }

    /// <summary>The message as text, for errors that are shown.</summary>
    public static string DecodeToString(ReadOnlySpan<byte> value)
    {
        if (!value.Contains((byte)'%'))
        {
            return Encoding.UTF8.GetString(value);
        }

        var bytes = new byte[value.Length];
        return Encoding.UTF8.GetString(bytes, 0, Decode(value, bytes));
    }

    private enum Kind
    {
        Plain,
        Escaped,
        Invalid,
    }

    /// <summary>
    /// How many bytes at the front share a kind: a run of plain ones, otherwise one character or one byte that is no UTF-8.
    /// </summary>
    private static int Take(ReadOnlySpan<byte> message, out Kind kind)
    {
        var plain = message.IndexOfAnyExceptInRange((byte)' ', (byte)'~');
        plain = plain < 0 ? message.Length : plain;
        var percent = message[..plain].IndexOf((byte)'%');
        plain = percent < 0 ? plain : percent;
        if (plain > 0)
        {
            kind = Kind.Plain;
            return plain;
        }

        // Go replaces each byte of a broken character by itself; .NET would take them together.
        kind = Rune.DecodeFromUtf8(message, out _, out var taken) == System.Buffers.OperationStatus.Done ? Kind.Escaped : Kind.Invalid;
        return kind == Kind.Invalid ? 1 : taken;
    }

    private static int HexDigit(byte digit) => digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
}
