using System.Buffers;
using System.Buffers.Text;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using FastSidecar.Invocation;
using FastSidecar.Protocol;
using FastSidecar.Protocol.Peer;
using FastSidecar.Transport.Async;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http2;

namespace FastSidecar.Targets.Apps;

/// <summary>One request to an app that speaks HTTP/2, and its response. Reused.</summary>
internal sealed class H2cAppCall : InvokeResponse
{
    /// <summary>Body pieces up to this size are copied, and so many bytes are gathered before they leave; longer ones are sent where they lie.</summary>
    private const int MaxCopiedBytes = 4096;

    private readonly H2cAppTarget _owner;
    private readonly HeaderList _fields = new();
    private readonly HeaderList _requestHead = new();
    private readonly HeaderList _headers = new();
    private readonly H2cBody _body;
    private ByteText _contentType;
    private Http2Stream? _stream;
    private InvokeBody _requestBody = null!;
    private long _announcedBytes;
    private long? _length;
    private ValueTask _upload;
    private bool _uploading;

    public H2cAppCall(H2cAppTarget owner)
    {
        _owner = owner;
        _body = new H2cBody(owner.Address);
    }

    public override HeaderList Headers => _headers;

    public override ReadOnlySpan<byte> ContentType => _contentType.Span;

    public override long? Length => _length;

    public override PipeReader Body => _body;

    /// <summary>Why the request body could not be sent, when that is what ended the call.</summary>
    public string? UploadError { get; private set; }

    /// <summary>Sends the head and begins to send the body, which may still be on its way when the response is there.</summary>
    /// <exception cref="ArgumentException">A field that HTTP/2 does not allow; nothing was sent.</exception>
    public void Send(Http2Stream stream, InvokeRequest request, ReadOnlySpan<byte> target, CancellationToken cancellationToken)
    {
        _stream = stream;
        _requestBody = request.Body;
        UploadError = null;
        WriteHead(request, target);
        stream.WriteHead(_requestHead, endStream: false);
#pragma warning disable CA2012 // One consumer, once: DisposeAsync awaits it, or finds it completed.
        _upload = UploadAsync(stream, cancellationToken);
#pragma warning restore CA2012
        _uploading = true;
    }

    /// <summary>The stream has the response's head: it becomes this response's.</summary>
    public void TakeHead(InvokeRequest request)
    {
        var head = _stream!.Headers;
        Status = Utf8Parser.TryParse(head.Value(0), out int status, out _) ? status : 0;
        _length = Status is 204 or 304 || request.Verb == HttpVerb.Head ? 0
            : head.TryGet("content-length"u8, out var text) && Utf8Parser.TryParse(text, out long length, out _) ? length
            : _stream.EndedWithHeaders ? 0
            : null;

        // The pseudo-header is no field of the answer's.
        head.RemoveAt(0);
        var contentType = HeaderRules.AppToMetadata(head, isHttp10: false, _headers);
        _contentType.Set(contentType >= 0 ? head.Value(contentType) : default);
        _body.Start(_stream.Input, _stream.Id);
    }

    public override ValueTask DisposeAsync()
    {
        if (_stream is not { } stream)
        {
            return ValueTask.CompletedTask;
        }

        _stream = null;
        if (_uploading && !_upload.IsCompleted)
        {
            return StopUploadAsync(stream);
        }

        stream.Dispose();
        if (_uploading)
        {
            // It has ended; fetching its result also gives the state machine back to its pool. An exception in it is a bug, and this object
            // is not used again.
            _upload.GetAwaiter().GetResult();
        }

        Return();
        return ValueTask.CompletedTask;
    }

    /// <summary>
    /// The answer is complete, or nobody wants it: whoever still feeds the request is told to stop, and the object is reused only
    /// afterwards.
    /// </summary>
    private async ValueTask StopUploadAsync(Http2Stream stream)
    {
        _requestBody.Stop();
        stream.Reset(Http2ErrorCode.Cancel);
        try
        {
            await _upload;
        }
        finally
        {
            stream.Dispose();
        }

        Return();
    }

    private void WriteHead(InvokeRequest request, ReadOnlySpan<byte> target)
    {
        Span<byte> verb = stackalloc byte[HttpVerbs.MaxBytes];
        var verbBytes = HttpVerbs.Write(request.Verb, verb);
        _requestHead.Clear();
        _requestHead.Add(":method"u8, verb[..verbBytes]);
        _requestHead.Add(":scheme"u8, "http"u8);
        _requestHead.Add(":authority"u8, _owner.Authority);
        _requestHead.Add(":path"u8, target);
        _fields.Clear();
        _owner.AppHeaders.Write(request, _fields);
        JoinCookies();
        for (var i = 0; i < _fields.Count; i++)
        {
            var name = _fields.Name(i);
            var lower = _requestHead.Append(name.Length, _fields.Value(i).Length, out var value);
            WriteLower(name, lower);
            _fields.Value(i).CopyTo(value);
        }

        var saysNone = request.HasWholeBody && AppHeaders.HasUsualBody(request.Verb);
        _announcedBytes = request.Body.Length is { } length && (length > 0 || saysNone) ? length : -1;
        if (_announcedBytes >= 0)
        {
            Span<byte> digits = stackalloc byte[20];
            Utf8Formatter.TryFormat(_announcedBytes, digits, out var written);
            _requestHead.Add("content-length"u8, digits[..written]);
        }
    }

    /// <summary>
    /// One line for all cookies, which HTTP/2 lets a client cut as it likes and an app has to join again anyway (RFC 9113 §8.2.3).
    /// </summary>
    private void JoinCookies()
    {
        var name = "Cookie"u8;
        var first = _fields.IndexOf(name);
        if (first < 0 || _fields.IndexOf(name, first + 1) < 0)
        {
            return;
        }

        byte[] joined = [.. _fields.Value(first)];
        for (var next = _fields.IndexOf(name, first + 1); next >= 0; next = _fields.IndexOf(name, next + 1))
        {
            joined = [.. joined, .. "; "u8, .. _fields.Value(next)];
        }

        _fields.Set(name, joined);
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    private async ValueTask UploadAsync(Http2Stream stream, CancellationToken cancellationToken)
    {
        var body = _requestBody;
        var output = stream.Output;
        var sentBytes = 0L;
        try
        {
            while (true)
            {
                if (!body.TryRead(out var read))
                {
                    // Waits while the app's window is used up: then nothing more is taken from the caller either.
                    if ((await output.FlushAsync(cancellationToken)).IsCompleted)
                    {
                        return;
                    }

                    read = await body.ReadAsync(cancellationToken);
                }

                if (read.IsCanceled)
                {
                    body.GiveBack();
                    return;
                }

                sentBytes += read.Buffer.Length;
                if (_announcedBytes >= 0 && sentBytes > _announcedBytes)
                {
                    Fail(stream, "http2: request body larger than specified content length");
                    return;
                }

                var stopped = false;
                foreach (var piece in read.Buffer)
                {
                    if (piece.Length <= MaxCopiedBytes)
                    {
                        output.Write(piece.Span);
                    }
                    else
                    {
                        stopped |= (await output.WriteAsync(piece, cancellationToken)).IsCompleted;
                    }
                }

                body.AdvanceTo(read.Buffer.End);
                if (stopped)
                {
                    return;
                }

                if (read.IsCompleted)
                {
                    End(stream, sentBytes);
                    return;
                }

                // Back pressure for a run of short pieces: what is buffered leaves before more is taken.
                if (output.UnflushedBytes > MaxCopiedBytes && (await output.FlushAsync(cancellationToken)).IsCompleted)
                {
                    return;
                }
            }
        }
        catch (InvokeBodyException e)
        {
            Fail(stream, e.Error.Reason);
        }
        catch (Exception e) when (e is Http2StreamException or Http2ConnectionException && !body.IsBroken)
        {
            // The response side reports it.
        }
        catch (OperationCanceledException)
        {
            stream.Reset(Http2ErrorCode.Cancel);
        }
        catch (Exception e) when (e is IOException or PeerMessageException)
        {
            Fail(stream, AppFailure.Of(e));
        }
        catch (Exception)
        {
            // A bug: it ends the call and comes out where the upload is awaited.
            stream.Reset(Http2ErrorCode.InternalError);
            throw;
        }
    }

    private void End(Http2Stream stream, long sentBytes)
    {
        if (sentBytes < _announcedBytes)
        {
            Fail(stream, $"http: ContentLength={_announcedBytes} with Body length {sentBytes}");
            return;
        }

        stream.End(null);
    }

    private void Fail(Http2Stream stream, string reason)
    {
        UploadError = reason;
        stream.Reset(Http2ErrorCode.Cancel);
    }

    private void Return()
    {
        _upload = default;
        _uploading = false;
        _requestBody = null!;
        _requestHead.Clear();
        _fields.Clear();
        _headers.Clear();
        _contentType.Clear();
        _length = null;
        _owner.Return(this);
    }

    private static void WriteLower(ReadOnlySpan<byte> name, Span<byte> output)
    {
        for (var i = 0; i < name.Length; i++)
        {
            output[i] = name[i] is >= (byte)'A' and <= (byte)'Z' ? (byte)(name[i] | 0x20) : name[i];
        }
    }
}
