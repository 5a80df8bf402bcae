using System.IO.Pipelines;
using FastSidecar.Api.Grpc;
using FastSidecar.Tests.Protocol;
using FastSidecar.Tests.Shared;
using FastSidecar.Tests.Wire;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Xunit;

namespace FastSidecar.Tests.Api.Grpc;

public sealed class ReflectionTests
{
    private static readonly string[] Services =
    [
        "TaskHubSidecarService", "dapr.proto.runtime.v1.Dapr", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
    ];

    [Theory]
    [InlineData("v1")]
    [InlineData("v1alpha")]
    public async Task ListServices_NamesWhatIsServed(string version)
    {
        await using var edge = new GrpcEdge();
        var response = await AskAsync(edge, new ReflectionRequest { Host = "h", ListServices = "" }, version);

        Assert.Equal(Services, response.ListServicesResponse.Service.Select(static service => service.Name));
        Assert.Equal("h", response.ValidHost);
        Assert.Equal("h", response.OriginalRequest.Host);
    }

    [Fact]
    public async Task EveryService_IsDescribed_WithAllThatItNeeds()
    {
        await using var edge = new GrpcEdge();
        foreach (var service in Services)
        {
            var response = await AskAsync(edge, new ReflectionRequest { FileContainingSymbol = service });
            var files = Build(response.FileDescriptorResponse.FileDescriptorProto);

            Assert.Contains(files.SelectMany(static file => file.Services), found => found.FullName == service);
        }
    }

    [Fact]
    public async Task MethodsOfServices_AreThose_ThatAreServed()
    {
        await using var edge = new GrpcEdge();
        edge.Readiness.SetReady("runtime");
        foreach (var service in Build(ServedFiles.All().Select(static file => ByteString.CopyFrom(file.Encoded))).SelectMany(static file => file.Services))
        {
            foreach (var method in service.Methods.Where(static method => !method.IsServerStreaming))
            {
                var answer = await edge.CallAsync($"/{service.FullName}/{method.Name}", PeerWire.Frame(Array.Empty<byte>()));
                Assert.False(answer.Code is 2 or 12, $"{method.FullName}: {answer.Code} {answer.Text}");
            }
        }
    }

    [Fact]
    public void Symbols_AreThoseOfTheDescriptors()
    {
        var built = Build(ServedFiles.All().Select(static file => ByteString.CopyFrom(file.Encoded))).ToDictionary(static file => file.Name);
        foreach (var file in ServedFiles.All())
        {
            var descriptor = built[file.Name];
            var expected = descriptor.MessageTypes.SelectMany(All)
                .Concat(descriptor.EnumTypes.SelectMany(All))
                .Concat(descriptor.Services.Select(static service => service.FullName))
                .Concat(descriptor.Services.SelectMany(static service => service.Methods).Select(static method => method.FullName));
            Assert.Equal(expected.Order(StringComparer.Ordinal), file.Symbols.Order(StringComparer.Ordinal));
        }
    }

    [Theory]
    [InlineData("dapr/proto/runtime/v1/invoke.proto", true)]
    [InlineData("no/such.proto", false)]
    public async Task FileByFilename_IsFound_OrNot(string name, bool isThere)
    {
        await using var edge = new GrpcEdge();
        var response = await AskAsync(edge, new ReflectionRequest { FileByFilename = name });

        Assert.Equal(isThere ? 0 : 5, response.ErrorResponse?.ErrorCode ?? 0);
        Assert.Equal(isThere ? 3 : 0, response.FileDescriptorResponse?.FileDescriptorProto.Count ?? 0);
    }

    [Fact]
    public async Task RequestThatAsksNothing_IsRefused()
    {
        await using var edge = new GrpcEdge();
        var answer = await edge.CallAsync("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", new ReflectionRequest());

        Assert.Equal(3, answer.Code);
    }

    [Fact]
    public async Task ClientThatAsksWithoutReading_IsMadeToWait_AndThenGetsEveryAnswer()
    {
        const int mostSent = 1 << 20;
        await using var edge = new GrpcEdge();
        using var stream = edge.Open("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo");
        var request = PeerWire.Frame(new ReflectionRequest { FileByFilename = new string('n', 1000) });
        var sent = 0;
        Task<FlushResult> sending;
        while ((sending = stream.Output.WriteAsync(request).AsTask()).IsCompleted || await Task.WhenAny(sending, Task.Delay(500)) == sending)
        {
            sent += request.Length;
            Assert.True(sent < mostSent, $"{sent} bytes were taken although nobody reads the answers");
        }

        var reading = GrpcAnswer.ReadAsync(stream);
        await sending.Within("the request that had to wait");
        stream.End(null);
        var answer = await reading.Within("the answers");
        Assert.Equal(0, answer.Code);
        Assert.InRange(answer.Data.Length, sent + request.Length, int.MaxValue);
    }

    private static async Task<ReflectionResponse> AskAsync(GrpcEdge edge, ReflectionRequest request, string version = "v1")
    {
        var answer = await edge.CallAsync($"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo", request);
        Assert.Equal(0, answer.Code);
        return ReflectionResponse.Parser.ParseFrom(answer.Message);
    }

    /// <summary>As a client links them, dependencies first.</summary>
    private static IReadOnlyList<FileDescriptor> Build(IEnumerable<ByteString> files)
    {
        var byName = files.ToDictionary(static file => FileDescriptorProto.Parser.ParseFrom(file).Name);
        var ordered = new List<ByteString>();
        var added = new HashSet<string>();
        foreach (var name in byName.Keys)
        {
            Add(name);
        }

        return FileDescriptor.BuildFromByteStrings(ordered);

        void Add(string name)
        {
            if (added.Add(name))
            {
                foreach (var dependency in FileDescriptorProto.Parser.ParseFrom(byName[name]).Dependency)
                {
                    Add(dependency);
                }

                ordered.Add(byName[name]);
            }
        }
    }

    private static IEnumerable<string> All(MessageDescriptor message) => message.FindFieldByNumber(1) is { Name: "key" } && message.Name.EndsWith("Entry", StringComparison.Ordinal)
        ? []
        : [message.FullName, .. message.Fields.InDeclarationOrder().Select(static field => field.FullName), .. message.NestedTypes.SelectMany(All), .. message.EnumTypes.SelectMany(All)];

    /// <summary>An enum's values are named like its siblings.</summary>
    private static IEnumerable<string> All(EnumDescriptor type) =>
        [type.FullName, .. type.Values.Select(value => type.FullName[..^type.Name.Length] + value.Name)];
}
