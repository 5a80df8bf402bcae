using System.Globalization;
using System.Text;
using System.Text.Unicode;
using FastSidecar.Invocation.Grpc;
using FastSidecar.Protocol;
using FastSidecar.Protocol.Grpc;
using FastSidecar.Transport.Grpc;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http2;

namespace FastSidecar.Api.Grpc;

/// <summary>The gRPC API's errors: their codes, their texts, and the ErrorInfo that goes with some of them.</summary>
internal static class GrpcErrorWriter
{
    /// <summary>So much of an HTTP app's error goes into the details (dapr pkg/messaging/v1/util.go v1.18.3, maxMetadataValueLen).</summary>
    public const int MostQuotedBytes = 63;

    private const string HttpCode = "http.code";
    private const string HttpErrorMessage = "http.error_message";

    private static readonly HeaderList NoMetadata = new();

    /// <summary>Ends the answer for an HTTP app's status that is not 2xx. The head has been written.</summary>
    /// <param name="answers">The call's.</param>
    /// <param name="status">The app's.</param>
    /// <param name="code">Its gRPC code.</param>
    /// <param name="quoted">How the app's body begins, up to <see cref="MostQuotedBytes"/>.</param>
    public static void EndHttpStatus(GrpcAnswers answers, int status, GrpcStatusCode code, ReadOnlySpan<byte> quoted)
    {
        // A protobuf string is UTF-8: a body that is none, or is cut within a character, costs the details.
        var reason = HttpReason.Of(status);
        var details = Utf8.IsValid(quoted)
            ? RpcStatus.ErrorInfo(reason, (HttpCode, Digits(status)), (HttpErrorMessage, quoted.ToArray()))
            : default;
        answers.End(code, reason, details, NoMetadata);
    }

    /// <summary>Refuses a call without the right API token (dapr pkg/api/grpc/auth.go v1.18.3).</summary>
    public static void RefuseUnauthorized(Http2Stream stream, string message)
    {
        const string Text = "Unauthorized";
        var details = RpcStatus.ErrorInfo(Text, (HttpCode, Digits(401)), (HttpErrorMessage, Encoding.UTF8.GetBytes(message)));
        Refuse(stream, new HeadRefusal(200, GrpcStatusCode.Unauthenticated, Text), details);
    }

    /// <summary>Refuses a call that no method has seen, and is done with its stream.</summary>
    public static void Refuse(Http2Stream stream, HeadRefusal refusal, ReadOnlySpan<byte> details = default)
    {
        var answers = new GrpcAnswers();
        answers.Start(stream);
        answers.Refuse(refusal, details);
        stream.Dispose();
    }

    private static byte[] Digits(int number) => Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture));
}
