using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using FastSidecar.Invocation;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace FastSidecar.Api.Http;

/// <summary>An exchange on one of Kestrel's HTTP/1.1 connections.</summary>
internal sealed class KestrelExchange : HttpExchange
{
    /// <summary>What no value may hold (RFC 9110 §5.5: control characters but the tab); Kestrel refuses NUL, CR and LF only.</summary>
    private static readonly SearchValues<char> ControlCharacters =
        SearchValues.Create("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f");

    /// <summary>A token (RFC 9110 §5.6.2); Kestrel lets any other but NUL, blanks and the colon through.</summary>
    private static readonly SearchValues<char> NameCharacters =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

    private IHttpRequestFeature _request = null!;
    private IHttpResponseFeature _response = null!;
    private IHttpResponseBodyFeature _responseBody = null!;
    private IHttpRequestLifetimeFeature _lifetime = null!;
    private IRequestBodyPipeFeature _requestBody = null!;
    private IConnectionLifetimeFeature? _connection;
    private ConnectionUse? _use;
    private long? _requestLength;
    private int _headBytes;
    private bool _hasIllegalField;

    public override string Method => _request.Method;

    public override string RawTarget => _request.RawTarget;

    public override bool IsHttp11 => _request.Protocol == "HTTP/1.1";

    public override bool IsHttp10 => _request.Protocol == "HTTP/1.0";

    public override long? RequestLength => _requestLength;

    public override PipeReader RequestBody => _requestBody.Reader;

    public override PipeWriter ResponseBody => _responseBody.Writer;

    /// <summary>
    /// The connection's token: what cancels Kestrel's token of the request is this one, or an abort of our own. Kestrel's is a new object,
    /// with new lists of callbacks, for every request (190 bytes).
    /// </summary>
    public override CancellationToken Aborted => _connection is { } connection ? connection.ConnectionClosed : _lifetime.RequestAborted;

    public override bool IsHttp1 => true;

    public override bool HasIllegalField => _hasIllegalField;

    /// <summary>The connection was closed as idle while the request came.</summary>
    public bool IsTooLate { get; private set; }

    /// <summary>From the request line to the blank line, had every field been written as "Name: value".</summary>
    public override int HeadBytes => _headBytes;

    /// <summary>Takes over Kestrel's next request.</summary>
    public void Begin(IFeatureCollection features)
    {
        _request = features.GetRequiredFeature<IHttpRequestFeature>();
        _response = features.GetRequiredFeature<IHttpResponseFeature>();
        _responseBody = features.GetRequiredFeature<IHttpResponseBodyFeature>();
        _lifetime = features.GetRequiredFeature<IHttpRequestLifetimeFeature>();
        _requestBody = features.GetRequiredFeature<IRequestBodyPipeFeature>();
        _connection = features.Get<IConnectionLifetimeFeature>();
        _use = features.Get<ConnectionUse>();
        IsTooLate = _use?.TryBegin() == false;
        CopyHeaders();
        var canHaveBody = features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody ?? false;
        _requestLength = canHaveBody ? _request.Headers.ContentLength : 0;
    }

    public override void Abort() => _lifetime.Abort();

    public override void Reset()
    {
        base.Reset();
        _use?.End();
    }

    protected override void StartCore(int status, long? contentLength)
    {
        _response.StatusCode = status;
        var headers = _response.Headers;
        var list = ResponseHeaders;
        for (var i = 0; i < list.Count; i++)
        {
            var name = HeaderText.Of(list.Name(i));
            var value = HeaderText.Of(list.Value(i));
            headers[name] = headers.TryGetValue(name, out var earlier) ? StringValues.Concat(earlier, value) : value;
        }

        headers.ContentLength = contentLength;
    }

    protected override void DropHead() => _response.Headers.Clear();

    private void CopyHeaders()
    {
        // "GET /target HTTP/1.1" CRLF … CRLF.
        _hasIllegalField = false;
        var headBytes = _request.Method.Length + _request.RawTarget.Length + " ".Length + " HTTP/1.1\r\n\r\n".Length;
        foreach (var (name, values) in _request.Headers)
        {
            // Kestrel's own, where a request had both lengths; the client never sent it.
            if (name.Equals("X-Content-Length", StringComparison.OrdinalIgnoreCase) && _request.Headers.ContainsKey("Transfer-Encoding"))
            {
                continue;
            }

            _hasIllegalField |= name.AsSpan().ContainsAnyExcept(NameCharacters);
            for (var i = 0; i < values.Count; i++)
            {
                var value = values[i] ?? "";
                CopyHeader(name, value);
                _hasIllegalField |= value.AsSpan().ContainsAny(ControlCharacters);
                headBytes += name.Length + ": ".Length + value.Length + "\r\n".Length;
            }
        }

        _headBytes = headBytes;
    }

    private void CopyHeader(string name, string value)
    {
        var nameBytes = RequestHeaders.Append(name.Length, value.Length, out var valueBytes);
        Encoding.Latin1.GetBytes(name, nameBytes);
        _hasIllegalField |= !HeaderNames.IsToken(nameBytes);
        Encoding.Latin1.GetBytes(value, valueBytes);
    }
}
