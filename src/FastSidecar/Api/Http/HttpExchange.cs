using System.IO.Pipelines;
using FastSidecar.Invocation;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Api.Http;

/// <summary>
/// One HTTP request and its response as the handlers of the HTTP API see them, whatever server it came through. The object lives as long as
/// its connection and is reused for the connection's requests.
/// </summary>
internal abstract class HttpExchange
{
    /// <summary>Go's net/http maxPostHandlerReadBytes.</summary>
    private const long MostDiscardedBytes = 256 << 10;

    /// <summary>Never changed.</summary>
    private static readonly HeaderList NoFields = new();

    /// <summary>The request method as it came.</summary>
    public abstract string Method { get; }

    /// <summary>The request target as it came: origin form, absolute form or "*".</summary>
    public abstract string RawTarget { get; }

    /// <summary>The client speaks HTTP/1.1, so hop-by-hop response headers mean something.</summary>
    public abstract bool IsHttp11 { get; }

    /// <summary>A body without a length ends with the connection: there are no chunks.</summary>
    public virtual bool IsHttp10 => false;

    /// <summary>Any version of HTTP/1.</summary>
    public abstract bool IsHttp1 { get; }

    /// <summary>Bytes of the request head as far as they count against the limit.</summary>
    public abstract int HeadBytes { get; }

    /// <summary>A header field holds a byte that no value may hold and that the server let through.</summary>
    public virtual bool HasIllegalField => false;

    /// <summary>The client's header fields. Host stands among them, pseudo-headers do not.</summary>
    public HeaderList RequestHeaders { get; } = new();

    /// <summary>What the names of <see cref="RequestHeaders"/> mean, of all of them together: a field of another meaning need not be looked for.</summary>
    public HeaderRole RequestRoles { get; protected set; }

    /// <summary>
    /// Where the client's trace context and baggage stand: <see cref="RequestHeaders"/>, or an empty list when there is nothing of them.
    /// </summary>
    public HeaderList TraceFields => Has(HeaderRole.Trace | HeaderRole.Baggage) ? RequestHeaders : NoFields;

    /// <summary>What the target of the connection's last request says; the next request mostly has the same.</summary>
    public RequestTarget? LastTarget { get; set; }

    /// <summary>The announced body length; 0 without a body; null when unknown (chunked, or HTTP/2 without content-length).</summary>
    public abstract long? RequestLength { get; }

    public abstract PipeReader RequestBody { get; }

    /// <summary>The invocation this exchange carries, if it carries one.</summary>
    public InvokeRequest Invoke { get; } = new();

    /// <summary>
    /// Header fields of the response; to be complete before <see cref="Start"/>. Hop-by-hop fields other than Connection are not allowed.
    /// </summary>
    public HeaderList ResponseHeaders { get; } = new();

    /// <summary>Answers carry the trace context: set once the request is past what Go's server refuses by itself.</summary>
    public bool IsTraced { get; set; }

    /// <summary>
    /// How many of the first <see cref="ResponseHeaders"/> belong to the client's request and not to what answers it (CORS): they stand in
    /// whatever answer is sent.
    /// </summary>
    public int LastingHeaders { get; set; }

    /// <summary>The status given to <see cref="Start"/>; 0 before.</summary>
    public int ResponseStatus { get; private set; }

    /// <summary>Body bytes written so far.</summary>
    public long ResponseBytes { get; protected set; }

    public bool HasStarted => ResponseStatus != 0;

    /// <summary>
    /// More of a request body is unread than Go's server would read to keep the connection, or the body is broken: the connection ends with
    /// the answer.
    /// </summary>
    public bool HasMuchUnread => BodyUnknown || Invoke.Body.IsBroken || RequestLength - Invoke.Body.ReadBytes > MostDiscardedBytes;

    /// <summary>Nobody can say whether the client still sends its body.</summary>
    public bool BodyUnknown { get; set; }

    /// <summary>Cancelled when the client is gone.</summary>
    public abstract CancellationToken Aborted { get; }

    /// <summary>Whether the client sent a field of one of these roles.</summary>
    public bool Has(HeaderRole roles) => RequestRoles.IsAny(roles);

    /// <summary>Fixes the response head. It leaves with the first flush or with the end, whichever is first.</summary>
    /// <exception cref="UnsendableHeadException">
    /// No answer can look like this: a status outside of 200–999, or a header name or value that HTTP does not allow. Nothing of it is
    /// sent, the header fields are gone but for <see cref="LastingHeaders"/>, and another answer may be started.
    /// </exception>
    public void Start(int status, long? contentLength)
    {
        if (HasStarted)
        {
            throw new InvalidOperationException("the answer has begun already");
        }

        if (status is < 200 or > 999)
        {
            DropAnswersHeaders();
            throw new UnsendableHeadException($"illegal status code {status}");
        }

        try
        {
            StartCore(status, contentLength);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            DropHead();
            DropAnswersHeaders();
            throw new UnsendableHeadException(e.Message, e);
        }

        ResponseStatus = status;
    }

    /// <summary>Where the response body goes. The framing follows from <see cref="Start"/>'s length.</summary>
    public abstract PipeWriter ResponseBody { get; }

    /// <summary>Counts body bytes for the API log.</summary>
    public void CountBody(long bytes) => ResponseBytes += bytes;

    /// <summary>Cuts the connection or stream so that the client cannot take what it has for the whole.</summary>
    public abstract void Abort();

    /// <summary>Makes the object ready for the connection's next request.</summary>
    public virtual void Reset()
    {
        RequestHeaders.Clear();
        RequestRoles = HeaderRole.None;
        ResponseHeaders.Clear();
        Invoke.Clear();
        Invoke.Body.Finish();
        ResponseStatus = 0;
        LastingHeaders = 0;
        IsTraced = false;
        BodyUnknown = false;
        ResponseBytes = 0;
    }

    private void DropAnswersHeaders()
    {
        for (var i = ResponseHeaders.Count - 1; i >= LastingHeaders; i--)
        {
            ResponseHeaders.RemoveAt(i);
        }
    }

    /// <summary>Hands the head to the server; ArgumentException or InvalidOperationException when the server refuses it.</summary>
    protected abstract void StartCore(int status, long? contentLength);

    /// <summary>Takes back what <see cref="StartCore"/> handed over before it failed.</summary>
    protected virtual void DropHead()
    {
    }
}
