using FastSidecar.Micro;
using Xunit;

namespace FastSidecar.Budgets;

/// <summary>The operations that are timed and counted do what their names say.</summary>
public sealed class OperationTests
{
    private const string PeerHead =
        """
        :method: POST
        :scheme: http
        :path: /dapr.proto.internals.v1.ServiceInvocation/CallLocalStream
        :authority: 127.0.0.1:50002
        content-type: application/grpc
        user-agent: grpc-go/1.82.1
        te: trailers
        grpc-accept-encoding: gzip

        """;

    private const string NoTrace =
        """
        traceparent: 00-00000000000000000000000000000000-0000000000000000-00
        grpc-trace-bin: AAAAAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAgA

        """;

    private const string SomeTrace =
        """
        traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4705-00f067aa0ba90205-01
        grpc-trace-bin: AABL+S81d7NNpqPOkp0ODkcFAQDwZ6oLqQIFAgE

        """;

    /// <summary>After a hundred runs, so that the operation that alternates stands where it is expected.</summary>
    private static readonly Dictionary<string, string> Expected = new()
    {
        ["hpack-encode"] = PeerHead + NoTrace,
        ["hpack-encode-traced"] = PeerHead + SomeTrace,
        ["hpack-decode"] = PeerHead + NoTrace,
        ["hpack-decode-traced"] = PeerHead + SomeTrace,
        ["frames-read"] =
            """
            Headers EndHeaders 77 10
            Data Ack 77 1024
            1024 bytes
            0 padding
            WindowUpdate None 0 4
            Ping Ack 0 8

            """,
        ["frames-write"] = "49 bytes written, 1082 with the data",
        ["envelope-encode-request"] = "1433 a37a19312b7892f5",
        ["envelope-decode-request"] =
            """
            1024 bytes
            Post api/orders?x=1
            Accept: */*
            Content-Length: 1024
            Content-Type: application/json
            Forwarded: for=10.0.0.4;by=10.0.0.4;host=node-a
            User-Agent: curl/8.5.0
            X-Forwarded-For: 10.0.0.4
            X-Forwarded-Host: node-a
            dapr-callee-app-id: orders
            dapr-caller-app-id: front
            dapr-caller-namespace: default
            destination-app-id: orders

            """,
        ["envelope-encode-response"] = "1192 dc4289897ac418f9",
        ["envelope-decode-response"] =
            """
            1024 bytes
            200
            Content-Length: 1024
            Content-Type: application/json
            Date: Mon, 07 Sep 2026 10:00:00 GMT
            Server: nginx/1.22.1

            """,
        ["method-normal"] = "24 api/v2/orders/4711/lines",
        ["path-clean"] = "/api/v2/orders/4711/lines",
        ["path-invoke"] = "Path orders api/v2/orders/4711/lines",
        ["resolver-hit"] = "127.0.0.1:50003 127.0.0.1:50002",
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void Operation_DoesWhatItSays(string name)
    {
        var operation = Operation.Named(name);
        operation.Repeat(100);

        Assert.Equal(Expected[name], operation.Result());
    }

    [Fact]
    public void EveryOperation_HasABudget() => Assert.Equal(
        Operation.All().Select(static operation => $"operation/{operation.Name}/instructions"),
        BudgetFile.Read().Budgets.Where(static budget => budget.Meter == Meter.OperationInstructions).Select(static budget => budget.Name));

    public static TheoryData<string> Names() => [.. Operation.All().Select(static operation => operation.Name)];
}
