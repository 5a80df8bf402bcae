using System.IO.Pipelines;
using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http2;

namespace FastSidecar.Api.Http;

/// <summary>An exchange on a stream of our HTTP/2 engine.</summary>
internal sealed class Http2Exchange(HttpDate date) : HttpExchange
{
    private readonly HeaderList _head = new();
    private DiscardingWriter? _discarded;
    private Http2Stream _stream = null!;
    private string _method = "";
    private string _target = "";
    private long? _requestLength;

    public override string Method => _method;

    public override string RawTarget => _target;

    public override bool IsHttp11 => false;

    public override bool IsHttp1 => false;

    /// <summary>The HTTP/2 engine has its own limit, which it announces.</summary>
    public override int HeadBytes => 0;

    public override long? RequestLength => _requestLength;

    public override PipeReader RequestBody => _stream.Input;

    /// <summary>An answer to HEAD has no content, whatever the handler writes (RFC 9110 §9.3.2).</summary>
    public override PipeWriter ResponseBody => _method == "HEAD" ? _discarded ??= new DiscardingWriter(_stream.Output) : _stream.Output;

    public override CancellationToken Aborted => _stream.Aborted;

    /// <summary>Takes over a stream whose request head is complete. False when Go's server would reset it.</summary>
    public bool TryBegin(Http2Stream stream)
    {
        _stream = stream;
        var headers = stream.Headers;
        var accepted = true;
        for (var i = 0; i < headers.Count; i++)
        {
            accepted &= TryTake(headers.Name(i), headers.Value(i));
        }

        for (var i = 0; i < RequestHeaders.Count; i++)
        {
            RequestRoles |= HeaderRoles.Of(RequestHeaders.Name(i));
        }

        JoinCookies(headers);
        if (_target.Length == 0)
        {
            // CONNECT has no path; no route claims it.
            _target = "/";
        }

        _requestLength = stream.EndedWithHeaders ? 0 : AnnouncedLength();
        return accepted;
    }

    /// <summary>Ends the response that the handler has written.</summary>
    public void End() => _stream.End(null);

    public override void Abort() => _stream.Reset(Http2ErrorCode.InternalError);

    public override void Reset()
    {
        base.Reset();
        _discarded = null;
        _stream = null!;
    }

    protected override void StartCore(int status, long? contentLength)
    {
        _head.Clear();
        Span<byte> digits = stackalloc byte[20];
        System.Buffers.Text.Utf8Formatter.TryFormat(status, digits, out var written);
        _head.Add(":status"u8, digits[..written]);
        for (var i = 0; i < ResponseHeaders.Count; i++)
        {
            // Hop-by-hop fields have no place in HTTP/2 (RFC 9113 §8.2.2).
            if (!Ascii.EqualsIgnoreCase(ResponseHeaders.Name(i), "Connection"u8))
            {
                AddLowerCase(ResponseHeaders.Name(i), ResponseHeaders.Value(i));
            }
        }

        if (!ResponseHeaders.Contains("Date"u8))
        {
            _head.Add("date"u8, date.Now());
        }

        if (contentLength is { } length)
        {
            System.Buffers.Text.Utf8Formatter.TryFormat(length, digits, out written);
            _head.Add("content-length"u8, digits[..written]);
        }

        _stream.WriteHead(_head, endStream: false);
    }

    private bool TryTake(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (name.SequenceEqual(":method"u8))
        {
            _method = Encoding.Latin1.GetString(value);
        }
        else if (name.SequenceEqual(":path"u8))
        {
            _target = Encoding.Latin1.GetString(value);
        }
        else if (name.SequenceEqual(":authority"u8))
        {
            RequestHeaders.Add("Host"u8, value);
            // User information has no place in it (RFC 9113 §8.3.1).
            return !value.Contains((byte)'@');
        }
        else if (name.SequenceEqual(":protocol"u8))
        {
            // Extended CONNECT was not offered (RFC 8441 §3).
            return false;
        }
        else if (!name.StartsWith(":"u8) && !name.SequenceEqual("cookie"u8) && !name.SequenceEqual("expect"u8))
        {
            // Expect concerns this hop: the body is on its way already.
            RequestHeaders.Add(name, value);
        }

        return true;
    }

    /// <summary>HTTP/2 may split a Cookie field; one field goes on (RFC 9113 §8.2.3).</summary>
    private void JoinCookies(HeaderList headers)
    {
        var length = -2;
        for (var i = headers.IndexOf("cookie"u8); i >= 0; i = headers.IndexOf("cookie"u8, i + 1))
        {
            length += headers.Value(i).Length + 2;
        }

        if (length < 0)
        {
            return;
        }

        "cookie"u8.CopyTo(RequestHeaders.Append("cookie"u8.Length, length, out var joined));
        for (var i = headers.IndexOf("cookie"u8); i >= 0; i = headers.IndexOf("cookie"u8, i + 1))
        {
            headers.Value(i).CopyTo(joined);
            joined = joined[headers.Value(i).Length..];
            if (!joined.IsEmpty)
            {
                "; "u8.CopyTo(joined);
                joined = joined[2..];
            }
        }
    }

    private void AddLowerCase(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        var target = _head.Append(name.Length, value.Length, out var valueSpan);
        Ascii.ToLower(name, target, out _);
        value.CopyTo(valueSpan);
    }

    private long? AnnouncedLength()
    {
        if (!RequestHeaders.TryGet("content-length"u8, out var value))
        {
            return null;
        }

        return System.Buffers.Text.Utf8Parser.TryParse(value, out long length, out var used) && used == value.Length && length >= 0 ? length : null;
    }
}
