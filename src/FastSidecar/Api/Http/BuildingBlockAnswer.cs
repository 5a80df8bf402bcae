using System.Buffers;
using System.Text;
using FastSidecar.Protocol;

namespace FastSidecar.Api.Http;

/// <summary>What the <c>metadata</c> of an error's details holds.</summary>
internal enum ErrorDetail
{
    /// <summary>The error has no details.</summary>
    None,

    /// <summary><c>{}</c></summary>
    Empty,

    /// <summary><c>null</c></summary>
    Null,
    AppId,
    AppIdAndNamespace,
}

/// <summary>Which part of the request's body has to be looked at before the answer is known.</summary>
internal enum BlockBody
{
    /// <summary>None: the answer is the same for any body.</summary>
    Ignored,

    /// <summary>If there is one it has to be JSON.</summary>
    OptionalJson,

    /// <summary>Has to begin with a JSON value.</summary>
    Json,

    /// <summary>As <see cref="OptionalJson"/>, and <c>expiryInSeconds</c> has to be positive.</summary>
    Lock,

    /// <summary>As <see cref="OptionalJson"/>, and one of <c>schedule</c> and <c>dueTime</c> has to be there.</summary>
    Job,
}

/// <summary>
/// The error a building block answers that is not configured.
/// </summary>
/// <param name="Status">HTTP status.</param>
/// <param name="ErrorCode">Dapr's code.</param>
/// <param name="Message"><c>{0}</c> stands for the route's first parameter.</param>
/// <param name="Body">What of the request's body decides; <see cref="BuildingBlockBody.Decide"/> applies it.</param>
/// <param name="Reason">Reason in the details, with <paramref name="Detail"/>.</param>
/// <param name="Detail">Metadata in the details.</param>
internal sealed record BuildingBlockAnswer(
    int Status,
    string ErrorCode,
    string Message,
    BlockBody Body = BlockBody.Ignored,
    string? Reason = null,
    ErrorDetail Detail = ErrorDetail.None)
{
    /// <summary>Writes the JSON body; its content type is <c>application/json</c>.</summary>
    public void Write(IBufferWriter<byte> output, ReadOnlySpan<byte> parameter, string appId, string appNamespace)
    {
        output.Write("{\"errorCode\":"u8);
        GoJson.WriteString(output, ErrorCode);
        output.Write(",\"message\":"u8);
        GoJson.WriteString(output, MessageFor(parameter));
        if (Detail != ErrorDetail.None)
        {
            output.Write(",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"domain\":\"dapr.io\",\"metadata\":"u8);
            WriteMetadata(output, appId, appNamespace);
            output.Write(",\"reason\":"u8);
            GoJson.WriteString(output, Reason ?? "");
            output.Write("}]"u8);
        }

        output.Write("}"u8);
    }

    private byte[] MessageFor(ReadOnlySpan<byte> parameter)
    {
        var message = new ArrayBufferWriter<byte>(Message.Length + parameter.Length + 1);
        var rest = Message.AsSpan();
        for (var at = rest.IndexOf("{0}"); at >= 0; at = rest.IndexOf("{0}"))
        {
            Encoding.UTF8.GetBytes(rest[..at], message);
            message.Write(parameter);
            rest = rest[(at + 3)..];
        }

        Encoding.UTF8.GetBytes(rest, message);
        return message.WrittenSpan.ToArray();
    }

    private void WriteMetadata(IBufferWriter<byte> output, string appId, string appNamespace)
    {
        if (Detail is ErrorDetail.Null or ErrorDetail.Empty)
        {
            output.Write(Detail == ErrorDetail.Null ? "null"u8 : "{}"u8);
            return;
        }

        output.Write("{\"appID\":"u8);
        GoJson.WriteString(output, appId);
        if (Detail == ErrorDetail.AppIdAndNamespace)
        {
            output.Write(",\"namespace\":"u8);
            GoJson.WriteString(output, appNamespace);
        }

        output.Write("}"u8);
    }
}
