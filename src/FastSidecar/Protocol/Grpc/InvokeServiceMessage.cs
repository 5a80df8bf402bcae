using FastSidecar.Protocol.Protobuf;

namespace FastSidecar.Protocol.Grpc;

/// <summary>
/// What an InvokeServiceRequest says, as bytes of the message it was read from (dapr/proto/runtime/v1/invoke.proto).
/// </summary>
/// <remarks>
/// <code>
/// InvokeServiceRequest  1 id      3 message
/// InvokeRequest         1 method  2 data (Any: 1 type_url, 2 value)  3 content_type  4 http_extension
/// HTTPExtension         1 verb    2 querystring
/// </code>
/// </remarks>
internal ref struct InvokeServiceMessage
{
    /// <summary>The app id, perhaps with a namespace.</summary>
    public ReadOnlySpan<byte> Id;

    /// <summary>There was a <c>message</c>, though perhaps an empty one.</summary>
    public bool HasMessage;

    public ReadOnlySpan<byte> Method;

    public bool HasData;

    public ReadOnlySpan<byte> TypeUrl;

    public ReadOnlySpan<byte> Value;

    public ReadOnlySpan<byte> ContentType;

    public bool HasHttpExtension;

    public HttpVerb Verb;

    public ReadOnlySpan<byte> Query;

    /// <exception cref="ProtobufException">Go would refuse these bytes.</exception>
    public static InvokeServiceMessage Read(ReadOnlySpan<byte> bytes)
    {
        var message = default(InvokeServiceMessage);
        var reader = new WireReader(bytes);
        while (reader.TryReadField(out var field, out var content))
        {
            if (field.Is(1, WireType.Bytes))
            {
                message.Id = WireReader.Text(content);
            }
            else if (field.Is(3, WireType.Bytes))
            {
                message.HasMessage = true;
                message.MergeRequest(content);
            }
        }

        return message;
    }

    private void MergeRequest(ReadOnlySpan<byte> request)
    {
        var reader = new WireReader(request);
        while (reader.TryReadField(out var field, out var content))
        {
            if (field.Type != WireType.Bytes)
            {
                continue;
            }

            switch (field.Number)
            {
                case 1:
                    Method = WireReader.Text(content);
                    break;
                case 2:
                    MergeData(content);
                    break;
                case 3:
                    ContentType = WireReader.Text(content);
                    break;
                case 4:
                    MergeExtension(content);
                    break;
            }
        }
    }

    private void MergeData(ReadOnlySpan<byte> any)
    {
        HasData = true;
        var reader = new WireReader(any);
        while (reader.TryReadField(out var field, out var content))
        {
            if (field.Is(1, WireType.Bytes))
            {
                TypeUrl = WireReader.Text(content);
            }
            else if (field.Is(2, WireType.Bytes))
            {
                Value = content;
            }
        }
    }

    private void MergeExtension(ReadOnlySpan<byte> extension)
    {
        HasHttpExtension = true;
        var reader = new WireReader(extension);
        while (reader.TryReadField(out var field, out var content))
        {
            if (field.Is(1, WireType.Varint))
            {
                Verb = (HttpVerb)(int)field.Value;
            }
            else if (field.Is(2, WireType.Bytes))
            {
                Query = WireReader.Text(content);
            }
        }
    }
}
