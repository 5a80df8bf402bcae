using System.Collections.Frozen;

namespace FastSidecar.Protocol.Grpc;

/// <summary>How a field looks in JSON.</summary>
internal enum DetailKind
{
    Text,
    Bytes,

    /// <summary>A number of up to 32 bits.</summary>
    Number,

    /// <summary>A number of 64 bits, which JSON has as text.</summary>
    LongNumber,
    UnsignedLongNumber,
    Boolean,
    Double,
    Float,

    /// <summary>A map of texts to texts.</summary>
    Map,
    Message,

    /// <summary>google.protobuf.Duration: <c>"1.5s"</c>.</summary>
    Duration,
}

/// <summary>One field of a message that is shown as JSON.</summary>
internal sealed record DetailField(int Number, string Name, DetailKind Kind, bool IsRepeated = false, DetailType? Type = null);

/// <summary>
/// Messages that stand in the details of a status, so far as their fields are known here: those of google/rpc/error_details.proto, and the
/// wrappers of single values. Showing any other takes a descriptor that nobody has, in daprd as here.
/// </summary>
/// <param name="Fields">In their order.</param>
/// <param name="IsValue">The message stands for its only field, which JSON shows as <c>value</c> beside the type.</param>
internal sealed record DetailType(DetailField[] Fields, bool IsValue = false)
{
    private static readonly DetailType LocalizedMessage = new([Text(1, "locale"), Text(2, "message")]);

    private static readonly FrozenDictionary<string, DetailType> ByName = new Dictionary<string, DetailType>(StringComparer.Ordinal)
    {
        ["google.rpc.ErrorInfo"] = new([Text(1, "reason"), Text(2, "domain"), new(3, "metadata", DetailKind.Map)]),
        ["google.rpc.RetryInfo"] = new([new(1, "retryDelay", DetailKind.Duration)]),
        ["google.rpc.DebugInfo"] = new([new(1, "stackEntries", DetailKind.Text, IsRepeated: true), Text(2, "detail")]),
        ["google.rpc.QuotaFailure"] = Of("violations", [
            Text(1, "subject"), Text(2, "description"), Text(3, "apiService"), Text(4, "quotaMetric"), Text(5, "quotaId"),
            new(6, "quotaDimensions", DetailKind.Map), new(7, "quotaValue", DetailKind.LongNumber), new(8, "futureQuotaValue", DetailKind.LongNumber)]),
        ["google.rpc.PreconditionFailure"] = Of("violations", [Text(1, "type"), Text(2, "subject"), Text(3, "description")]),
        ["google.rpc.BadRequest"] = Of("fieldViolations", [
            Text(1, "field"), Text(2, "description"), Text(3, "reason"), new(4, "localizedMessage", DetailKind.Message, Type: LocalizedMessage)]),
        ["google.rpc.RequestInfo"] = new([Text(1, "requestId"), Text(2, "servingData")]),
        ["google.rpc.ResourceInfo"] = new([Text(1, "resourceType"), Text(2, "resourceName"), Text(3, "owner"), Text(4, "description")]),
        ["google.rpc.Help"] = Of("links", [Text(1, "description"), Text(2, "url")]),
        ["google.rpc.LocalizedMessage"] = LocalizedMessage,
        ["google.protobuf.StringValue"] = Value(DetailKind.Text),
        ["google.protobuf.BytesValue"] = Value(DetailKind.Bytes),
        ["google.protobuf.BoolValue"] = Value(DetailKind.Boolean),
        ["google.protobuf.Int32Value"] = Value(DetailKind.Number),
        ["google.protobuf.UInt32Value"] = Value(DetailKind.Number),
        ["google.protobuf.Int64Value"] = Value(DetailKind.LongNumber),
        ["google.protobuf.UInt64Value"] = Value(DetailKind.UnsignedLongNumber),
        ["google.protobuf.DoubleValue"] = Value(DetailKind.Double),
        ["google.protobuf.FloatValue"] = Value(DetailKind.Float),
        ["google.protobuf.Duration"] = new([], IsValue: true),
        ["google.protobuf.Empty"] = new([], IsValue: true),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The type behind a type URL; null for one that is not known.</summary>
    public static DetailType? Find(string typeUrl) => ByName.GetValueOrDefault(typeUrl[(typeUrl.LastIndexOf('/') + 1)..]);

    private static DetailField Text(int number, string name) => new(number, name, DetailKind.Text);

    private static DetailType Value(DetailKind kind) => new([new DetailField(1, "value", kind)], IsValue: true);

    /// <summary>A message that has nothing but a list of others.</summary>
    private static DetailType Of(string name, DetailField[] fields) =>
        new([new DetailField(1, name, DetailKind.Message, IsRepeated: true, new DetailType(fields))]);
}
