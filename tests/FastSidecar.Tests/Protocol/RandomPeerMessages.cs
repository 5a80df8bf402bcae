using FastSidecar.Tests.Wire;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace FastSidecar.Tests.Protocol;

/// <summary>Messages with everything the wire allows, from a seed.</summary>
internal sealed class RandomPeerMessages(int seed)
{
    private static readonly string[] Names = ["X-A", "x-a", "Content-Type", "content-type", "Accept", "traceparent", "X-Ünicode", "", "destination-app-id", "a-bin"];
    private readonly Random _random = new(seed);

    public InternalInvokeRequestStream FirstRequest(int maxPayload) => new()
    {
        Request = Request(withValue: false),
        Payload = Payload(maxPayload, 0),
    };

    public InternalInvokeRequest Request(bool withValue)
    {
        var request = new InternalInvokeRequest
        {
            Ver = _random.Next(3) == 0 ? _random.Next() : 1,
            Message = new InvokeRequest
            {
                Method = Text(),
                ContentType = Text(),
                Data = Data(withValue),
                HttpExtension = _random.Next(4) == 0 ? null : new HttpExtension { Verb = _random.Next(-1, 12), Querystring = Text() },
            },
            Actor = _random.Next(8) == 0 ? new Actor { ActorId = "a", ActorType = "b" } : null,
        };
        FillMap(request.Metadata, atLeast: 1);
        return request;
    }

    public InternalInvokeResponseStream FirstResponse(int maxPayload) => new()
    {
        Response = Response(withValue: false),
        Payload = Payload(maxPayload, 0),
    };

    public InternalInvokeResponse Response(bool withValue)
    {
        var response = new InternalInvokeResponse
        {
            Status = new Status { Code = _random.Next(4) == 0 ? _random.Next(int.MinValue, int.MaxValue) : _random.Next(0, 600), Message = Text() },
            Message = withValue || _random.Next(4) > 0 ? new InvokeResponse { ContentType = Text(), Data = Data(withValue) } : null,
        };
        for (var i = _random.Next(3); i > 0; i--)
        {
            response.Status.Details.Add(new Any { TypeUrl = Text(), Value = Bytes(30) });
        }

        FillMap(response.Headers, atLeast: 0);
        FillMap(response.Trailers, atLeast: 0);
        return response;
    }

    public StreamPayload? Payload(int maxBytes, ulong seq) => _random.Next(5) == 0 && seq == 0 ? null : new() { Data = Bytes(maxBytes), Seq = seq };

    public ByteString Bytes(int max)
    {
        var bytes = new byte[_random.Next(4) == 0 ? 0 : _random.Next(max + 1)];
        _random.NextBytes(bytes);
        return ByteString.CopyFrom(bytes);
    }

    public string Text() => _random.Next(5) switch
    {
        0 => "",
        1 => "grüße/\U0001F600",
        2 => new string('x', _random.Next(300)),
        _ => $"api/{_random.Next(1000)}",
    };

    private Any? Data(bool withValue) => withValue
        ? new Any { TypeUrl = Text(), Value = Bytes(2000) }
        : _random.Next(3) == 0 ? new Any { TypeUrl = Text() } : null;

    private void FillMap(Google.Protobuf.Collections.MapField<string, ListStringValue> map, int atLeast)
    {
        for (var i = _random.Next(6) + atLeast; i > 0; i--)
        {
            var list = new ListStringValue();
            for (var values = _random.Next(1, 4); values > 0; values--)
            {
                list.Values.Add(Text());
            }

            map[Names[_random.Next(Names.Length)]] = list;
        }
    }
}
