using System.Buffers.Text;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace FastSidecar.Api.Http;

/// <summary>An exchange on one of Kestrel's HTTP/1.1 connections.</summary>
internal sealed class KestrelExchange : HttpExchange
{
    /// <summary>
    /// Among so many fields a name is looked for by comparing; beyond, by Kestrel's table, so that time stays in proportion.
    /// </summary>
    private const int FieldsCompared = 32;

    /// <summary>Of a positive <see cref="long"/>.</summary>
    private const int MostDigits = 19;

    private readonly RepeatedFields _fields = new();
    private readonly Action _onHandled;
    private ValueTask _handling;
    private AsyncTaskMethodBuilder _end;
    private IHttpHandler? _handler;
    private IFeatureCollection? _features;
    private IHttpRequestFeature _request = null!;
    private IHttpResponseFeature _response = null!;
    private IHttpResponseBodyFeature _responseBody = null!;
    private IHttpRequestLifetimeFeature _lifetime = null!;
    private IRequestBodyPipeFeature _requestBody = null!;
    private IConnectionLifetimeFeature? _connection;
    private ConnectionUse? _use;
    private IHttpRequestBodyDetectionFeature? _bodyDetection;
    private string _method = "";
    private string _rawTarget = "";
    private long? _requestLength;
    private int _headBytes;
    private bool _hasIllegalField;

    public KestrelExchange() => _onHandled = OnHandled;

    public override string Method => _method;

    public override string RawTarget => _rawTarget;

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
        if (!ReferenceEquals(features, _features))
        {
            TakeFeatures(features);
        }

        IsTooLate = _use?.TryBegin() == false;
        _method = _request.Method;
        _rawTarget = _request.RawTarget;
        var length = _request.Headers.ContentLength;
        _requestLength = _bodyDetection is { CanHaveBody: true } ? length : 0;
        CopyHeaders(length);
    }

    /// <summary>
    /// The end of the handler as Kestrel wants it, a <see cref="Task"/>: the one object that has to be new for every request, since a task
    /// ends but once. Nothing more than the task is allocated.
    /// </summary>
    public Task EndOf(ValueTask handling, IHttpHandler handler)
    {
        _handling = handling;
        _handler = handler;
        _end = AsyncTaskMethodBuilder.Create();
        var task = _end.Task;
        handling.GetAwaiter().UnsafeOnCompleted(_onHandled);
        return task;
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
        var lengths = 0ul;
        for (var i = 0; i < list.Count; i++)
        {
            var nameBytes = list.Name(i);
            var name = HeaderText.OfName(nameBytes);
            var value = HeaderText.Of(list.Value(i));

            // A name of a length that none before had is no repeated one.
            var length = 1ul << nameBytes.Length;
            var isRepeated = (lengths & length) != 0 && (i < FieldsCompared ? list.IndexOf(nameBytes) < i : headers.ContainsKey(name));
            lengths |= length;
            headers[name] = isRepeated ? StringValues.Concat(headers[name], value) : value;
        }

        headers.ContentLength = contentLength;
    }

    protected override void DropHead() => _response.Headers.Clear();

    /// <summary>Kestrel may begin the connection's next request, with this object, before this returns.</summary>
    private void OnHandled()
    {
        var (handling, handler, end) = (_handling, _handler!, _end);
        (_handling, _handler, _end) = (default, null, default);
        try
        {
            handling.GetAwaiter().GetResult();
        }
        catch (Exception e)
        {
            if (!TryEnd(handler, e))
            {
                end.SetException(e);
                return;
            }
        }

        end.SetResult();
    }

    /// <summary>Nothing may escape from here: Kestrel would wait for the request's end for ever.</summary>
    private bool TryEnd(IHttpHandler handler, Exception exception)
    {
        try
        {
            return handler.TryEnd(this, exception);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            return false;
        }
    }

    /// <summary>
    /// Kestrel's connection is itself what all these look-ups find, and nobody puts another in its place: one look-up per connection is
    /// enough.
    /// </summary>
    private void TakeFeatures(IFeatureCollection features)
    {
        _request = features.GetRequiredFeature<IHttpRequestFeature>();
        _response = features.GetRequiredFeature<IHttpResponseFeature>();
        _responseBody = features.GetRequiredFeature<IHttpResponseBodyFeature>();
        _lifetime = features.GetRequiredFeature<IHttpRequestLifetimeFeature>();
        _requestBody = features.GetRequiredFeature<IRequestBodyPipeFeature>();
        _connection = features.Get<IConnectionLifetimeFeature>();
        _use = features.Get<ConnectionUse>();
        _bodyDetection = features.Get<IHttpRequestBodyDetectionFeature>();
        _features = features;
    }

    private void CopyHeaders(long? length)
    {
        // "GET /target HTTP/1.1" CRLF … CRLF.
        _hasIllegalField = false;
        _fields.Restart();
        var headers = _request.Headers;
        var headBytes = _method.Length + _rawTarget.Length + " ".Length + " HTTP/1.1\r\n\r\n".Length;

        // Kestrel keeps it as a number, has framed the body by it already, and would make a string of it for every walk.
        headers.ContentLength = null;
        foreach (var (name, values) in headers)
        {
            // Kestrel's own, where a request had both lengths; the client never sent it.
            if (name.Equals("X-Content-Length", StringComparison.OrdinalIgnoreCase) && headers.ContainsKey("Transfer-Encoding"))
            {
                continue;
            }

            for (var i = 0; i < values.Count; i++)
            {
                var value = values[i] ?? "";
                _hasIllegalField |= !_fields.Add(name, value, RequestHeaders);
                headBytes += name.Length + ": ".Length + value.Length + "\r\n".Length;
            }
        }

        if (length is { } bytes)
        {
            Span<byte> digits = stackalloc byte[MostDigits];
            Utf8Formatter.TryFormat(bytes, digits, out var count);
            RequestHeaders.Add("Content-Length"u8, digits[..count]);
            headBytes += "Content-Length: \r\n".Length + count;
        }

        _headBytes = headBytes;
        RequestRoles = _fields.Roles;
    }
}
