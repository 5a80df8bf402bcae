using FastSidecar.Protocol.Grpc;
using FastSidecar.Protocol.Protobuf;
using FastSidecar.Transport.Grpc;

namespace FastSidecar.Api.Grpc;

/// <summary>
/// <c>ServerReflection/ServerReflectionInfo</c>, v1 and v1alpha: which services there are, and the .proto files they come from (grpc/grpc
/// doc/server-reflection.md). Answered always; daprd answers only calls that name an app.
/// </summary>
internal sealed class ReflectionMethod : IGrpcMethod
{
    private readonly Lazy<DescriptorFile[]> _files = new(ServedFiles.All);

    public async ValueTask RunAsync(GrpcCall call)
    {
        var hasHead = false;
        while (await call.ReadAsync())
        {
            var answer = Answer(call.Message.Span);
            if (answer is null)
            {
                call.Fail(GrpcStatusCode.InvalidArgument, "invalid MessageRequest: <nil>");
                return;
            }

            if (!hasHead)
            {
                call.WriteHead();
                hasHead = true;
            }

            call.Write(answer);

            // Waits while the caller's window is used up: then nothing more is read of what it asks either.
            if ((await call.Output.FlushAsync(call.Abandoned)).IsCompleted)
            {
                return;
            }
        }

        if (!hasHead)
        {
            call.WriteHead();
        }

        call.Answers.Succeed();
    }

    /// <summary>The response; null for a request that asks nothing.</summary>
    private MessageBuilder? Answer(ReadOnlySpan<byte> request)
    {
        const int FileByFilename = 3;
        const int FileContainingSymbol = 4;
        const int FileContainingExtension = 5;
        const int AllExtensionNumbersOfType = 6;
        const int ListServices = 7;

        // A oneof: what came last counts.
        var asked = 0;
        var reader = new WireReader(request);
        while (reader.TryReadField(out var field, out _))
        {
            asked = field.Type == WireType.Bytes && field.Number is >= FileByFilename and <= ListServices ? field.Number : asked;
        }

        var response = new MessageBuilder().Text(1, MessageFields.Text(request, 1)).Field(2, request);
        return asked switch
        {
            FileByFilename => Files(response, Named(MessageFields.Text(request, asked)), MessageFields.Text(request, asked)),
            FileContainingSymbol => Files(response, Defining(MessageFields.Text(request, asked)), MessageFields.Text(request, asked)),
            FileContainingExtension => Error(response, "there are no extensions"),
            AllExtensionNumbersOfType => Extensions(response, MessageFields.Text(request, asked)),
            ListServices => Services(response),
            _ => null,
        };
    }

    private DescriptorFile? Named(string name) => Array.Find(_files.Value, file => file.Name == name);

    private DescriptorFile? Defining(string symbol) => Array.Find(_files.Value, file => file.Symbols.Contains(symbol));

    /// <summary>The file, and behind it all that it needs.</summary>
    private MessageBuilder Files(MessageBuilder response, DescriptorFile? file, string name)
    {
        if (file is null)
        {
            return Error(response, $"not found: {name}");
        }

        var files = new MessageBuilder();
        var sent = new HashSet<string>(StringComparer.Ordinal);
        Add(file, files, sent);
        return response.Message(4, files);
    }

    private void Add(DescriptorFile file, MessageBuilder files, HashSet<string> sent)
    {
        if (!sent.Add(file.Name))
        {
            return;
        }

        files.Field(1, file.Encoded);
        foreach (var dependency in file.Dependencies)
        {
            Add(Named(dependency)!, files, sent); // which a test makes sure is there
        }
    }

    private MessageBuilder Extensions(MessageBuilder response, string type) =>
        Defining(type) is null ? Error(response, $"not found: {type}") : response.Message(5, new MessageBuilder().Text(1, type));

    private MessageBuilder Services(MessageBuilder response)
    {
        var list = new MessageBuilder();
        foreach (var name in _files.Value.SelectMany(static file => file.Services).Order(StringComparer.Ordinal))
        {
            list.Message(1, new MessageBuilder().Text(1, name));
        }

        return response.Message(6, list);
    }

    private static MessageBuilder Error(MessageBuilder response, string text) =>
        response.Message(7, new MessageBuilder().Number(1, (int)GrpcStatusCode.NotFound).Text(2, text));
}
