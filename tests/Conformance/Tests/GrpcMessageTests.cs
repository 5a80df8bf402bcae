using System.Text.Json.Nodes;
using FastSidecar.Conformance.Grpc;
using Xunit;

namespace FastSidecar.Conformance.Tests;

/// <summary>Messages against bytes that were made by hand or recorded, since a fault on both sides would hide itself.</summary>
public sealed class GrpcMessageTests
{
    [Theory]
    [InlineData(
        "InvokeServiceRequest", """{"id":"callee","message":{"method":"m","data":{"value":"abc"},"http_extension":{"verb":3}}}""",
        "0a0663616c6c65651a0e0a016d1205120361626322020803")]
    [InlineData("InternalInvokeRequest", """{"metadata":{"A":["1","2"],"B":[]}}""", "120b0a014112060a01310a0132" + "12050a01421200")]
    [InlineData("InternalInvokeRequestStream", """{"payload":{"data":{"b64":"AAE="},"seq":300}}""", "12070a02000110ac02")]
    [InlineData("ErrorInfo", """{"reason":"R","metadata":{"k":"v"}}""", "0a01521a060a016b120176")]
    [InlineData("InvokeResponse", """{"data":{}}""", "0a00")]
    [InlineData("Raw", "\"ping\"", "70696e67")]
    public void Message_IsTheseBytes_AndBack(string type, string json, string hex)
    {
        var message = JsonNode.Parse(json);
        Assert.Equal(hex, Convert.ToHexStringLower(MessageWriter.Write(message, type)));
        Assert.Equal(message!.ToJsonString(), MessageReader.Read(Convert.FromHexString(hex), type).ToJsonString());
    }

    [Fact]
    public void AppendedBytes_RepeatedText_AndWrongNames()
    {
        Assert.Equal("0a0178" + "9a0603616263", Convert.ToHexStringLower(MessageWriter.Write(JsonNode.Parse("""{"id":"x","_hex":"9a0603616263"}"""), "InvokeServiceRequest")));
        Assert.Equal("787878", Convert.ToHexStringLower(MessageWriter.Bytes(JsonNode.Parse("""{"repeat":"x","times":3}"""))));
        Assert.Throws<InvalidDataException>(() => MessageWriter.Write(JsonNode.Parse("""{"idd":"x"}"""), "InvokeServiceRequest"));
    }

    [Theory]
    [InlineData("InvokeServiceRequest", "9a0603616263", """{"?99":"abc"}""")]
    [InlineData("StreamPayload", "98067b", """{"?99":123}""")]
    [InlineData("StreamPayload", "1000", "{}")]
    [InlineData("InternalInvokeResponse", "1a050a01621200" + "1a050a01611200", """{"trailers":{"a":[],"b":[]}}""")]
    [InlineData("InvokeRequest", "0a", """{"no_message":"Cg=="}""")]
    [InlineData("Raw", "00ff", """{"b64":"AP8="}""")]
    public void WhatIsOdd_IsShown(string type, string hex, string json) =>
        Assert.Equal(json, MessageReader.Read(Convert.FromHexString(hex), type).ToJsonString());

    [Fact]
    public void KnownDetail_IsShownAsItsMessage()
    {
        var details = GrpcNotes.Fields([("grpc-status-details-bin", "CAUSAm5m")]);
        Assert.Equal("{{see status_details}}", details[0]![1]!.GetValue<string>());
        var status = MessageReader.Read(
            Convert.FromBase64String("CAUSAm5mGkIKKHR5cGUuZ29vZ2xlYXBpcy5jb20vZ29vZ2xlLnJwYy5FcnJvckluZm8SFgoBUhIJZC5leGFtcGxlGgYKAWsSAXY="), "Status");
        Assert.Equal(
            """{"code":5,"message":"nf","details":[{"type_url":"type.googleapis.com/google.rpc.ErrorInfo","value":{"reason":"R","domain":"d.example","metadata":{"k":"v"}}}]}""",
            status.ToJsonString());
    }
}
