using System.IO.Pipelines;

namespace FastSidecar.Protocol.Peer;

/// <summary>
/// One direction of one call: where its bytes come from and the rules for them. Set once per call, read by everything that decodes it.
/// </summary>
/// <param name="Bytes">The stream's bytes.</param>
/// <param name="Encoding">The call's <c>grpc-encoding</c>.</param>
/// <param name="MaxMessageBytes">Limit for one message, before and after decompression; the whole stream has none.</param>
/// <param name="IsUnary">CallLocal, as against CallLocalStream.</param>
/// <param name="End">
/// Asked whether the end of the bytes is a good one; null where every whole message is a good end, as it is for a callee.
/// </param>
internal readonly record struct PeerInput(PipeReader Bytes, PeerEncoding Encoding, int MaxMessageBytes, bool IsUnary, IPeerStreamEnd? End);
