using System.Text;
using FastSidecar.Transport.Hpack;
using Xunit;

namespace FastSidecar.Transport.Tests.Hpack;

/// <summary>
/// Header blocks that daprd 1.18.3 (grpc-go) sent and received in one recorded run with a gRPC app, each followed by the fields that another HPACK decoder
/// (Python's hpack) found in it. "&gt;" starts a block, "+" continues its hex.
/// </summary>
public sealed class RecordedBlockTests
{
    /// <summary>daprd to its app: requests with metadata, deadlines and trace contexts.</summary>
    private const string DaprdToApp =
        """
        > 838645a06241d762f5d8749d7b2da926a4abf70af0d75de1d144632756355592aee7ea5f418a089d5c0b8170dc7c00075f8b1d75d0620d263d4c4d65
        + 647a8a9acac8b4c7602bbc25c340027465864d833505b11f408e9acac8b0c842d6958b510f21aa9b839bd9ab408cf2b4a7b3c0ec90b22d39d09f839c
        + e84f40884d83216b1d85a93fa30016000000000000000000000000000000000000000058000000000000000000016003408a9acac8b26c190ab466ab
        + 9e861861861861861861861861861861861861876430c30c30c30c30c3343f408794f6781d92164f9a94f640102efbeb81717dc7ea008177df5c0b8b
        + ee73a1304e7427408f9075d8b1074505b16a87495158c85f8590b28eda13408d9075d8b1074505b161d75ac6938520e8a0b67f408d9075d8b1074505
        + 2ac3aeb58d278420e8a0a5408bf2b4a7b3c0ec90b22d29ec8708177df5c0b8bf
        :method: POST
        :scheme: http
        :path: /dapr.proto.runtime.v1.AppCallback/OnInvoke
        :authority: 127.0.0.1:9000
        content-type: application/grpc
        user-agent: grpc-go/1.82.1
        te: trailers
        grpc-accept-encoding: gzip
        x-forwarded-host: host
        traceparent: 00-00000000000000000000000000000000-0000000000000000-00
        grpc-trace-bin: AAAAAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAgA
        forwarded: for=10.99.0.2;by=10.99.0.2;host=host
        dapr-caller-namespace: default
        dapr-caller-app-id: caller
        dapr-callee-app-id: callee
        x-forwarded-for: 10.99.0.2
        > 8386cbcac9c8c7c6bfc1c5c4c3c0bec2
        :method: POST
        :scheme: http
        :path: /dapr.proto.runtime.v1.AppCallback/OnInvoke
        :authority: 127.0.0.1:9000
        content-type: application/grpc
        user-agent: grpc-go/1.82.1
        te: trailers
        grpc-accept-encoding: gzip
        dapr-callee-app-id: callee
        dapr-caller-namespace: default
        x-forwarded-host: host
        traceparent: 00-00000000000000000000000000000000-0000000000000000-00
        grpc-trace-bin: AAAAAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAgA
        dapr-caller-app-id: caller
        x-forwarded-for: 10.99.0.2
        forwarded: for=10.99.0.2;by=10.99.0.2;host=host
        > 8386cbcac9c8c7c64003782d6101317e0132c7c37f069f8618733e2e1fb8501becf3db91cf580935fc448632a46ce1af25fd1e619b07c2c1c5408594
        + e75a335504414145437f09a7001600e575c6c2f85c248d33248f34d3c58c41091e03217c8b46e8e4723742e3e2032cb215801fc5
        :method: POST
        :scheme: http
        :path: /dapr.proto.runtime.v1.AppCallback/OnInvoke
        :authority: 127.0.0.1:9000
        content-type: application/grpc
        user-agent: grpc-go/1.82.1
        te: trailers
        grpc-accept-encoding: gzip
        x-a: 1
        x-a: 2
        x-forwarded-host: host
        dapr-caller-namespace: default
        grpc-trace-bin: AAAK92UZFs1D3YRI6yEcgDGcAbeta3FpIDMxAgE
        dapr-callee-app-id: callee
        x-forwarded-for: 10.99.0.2
        forwarded: for=10.99.0.2;by=10.99.0.2;host=host
        foo-bin: AAEC
        traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
        dapr-caller-app-id: caller
        > 8386d0cfcecdcccbc6c4c3cac7c9c8c5
        :method: POST
        :scheme: http
        :path: /dapr.proto.runtime.v1.AppCallback/OnInvoke
        :authority: 127.0.0.1:9000
        content-type: application/grpc
        user-agent: grpc-go/1.82.1
        te: trailers
        grpc-accept-encoding: gzip
        dapr-caller-namespace: default
        dapr-callee-app-id: callee
        x-forwarded-for: 10.99.0.2
        x-forwarded-host: host
        forwarded: for=10.99.0.2;by=10.99.0.2;host=host
        traceparent: 00-00000000000000000000000000000000-0000000000000000-00
        grpc-trace-bin: AAAAAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAgA
        dapr-caller-app-id: caller
        > 8386d0cfcecdcccbc8c3c4cac7c9c6c5
        :method: POST
        :scheme: http
        :path: /dapr.proto.runtime.v1.AppCallback/OnInvoke
        :authority: 127.0.0.1:9000
        content-type: application/grpc
        user-agent: grpc-go/1.82.1
        te: trailers
        grpc-accept-encoding: gzip
        grpc-trace-bin: AAAAAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAgA
        x-forwarded-for: 10.99.0.2
        dapr-callee-app-id: callee
        x-forwarded-host: host
        forwarded: for=10.99.0.2;by=10.99.0.2;host=host
        traceparent: 00-00000000000000000000000000000000-0000000000000000-00
        dapr-caller-namespace: default
        dapr-caller-app-id: caller
        > 8386d0cfcecdcccbcac3c6c4c7c5c9c8
        :method: POST
        :scheme: http
        :path: /dapr.proto.runtime.v1.AppCallback/OnInvoke
        :authority: 127.0.0.1:9000
        content-type: application/grpc
        user-agent: grpc-go/1.82.1
        te: trailers
        grpc-accept-encoding: gzip
        x-forwarded-host: host
        x-forwarded-for: 10.99.0.2
        dapr-caller-namespace: default
        dapr-callee-app-id: callee
        forwarded: for=10.99.0.2;by=10.99.0.2;host=host
        dapr-caller-app-id: caller
        traceparent: 00-00000000000000000000000000000000-0000000000000000-00
        grpc-trace-bin: AAAAAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAgA
        > 8386d0cfcecdcccb408e9075d8b10f524b5256a0b54c99ff0137cbc94003782d6d01617e0162c8c6c9c7cc408c9075d8b10f524b52564faacb8b1d75
        + d0620d263d4c7441eacb
        :method: POST
        :scheme: http
        :path: /dapr.proto.runtime.v1.AppCallback/OnInvoke
        :authority: 127.0.0.1:9000
        content-type: application/grpc
        user-agent: grpc-go/1.82.1
        te: trailers
        grpc-accept-encoding: gzip
        dapr-content-length: 7
        x-forwarded-host: host
        grpc-trace-bin: AAAAAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAgA
        x-m: a
        x-m: b
        dapr-caller-app-id: caller
        x-forwarded-for: 10.99.0.2
        dapr-caller-namespace: default
        dapr-callee-app-id: callee
        traceparent: 00-00000000000000000000000000000000-0000000000000000-00
        dapr-content-type: application/json
        forwarded: for=10.99.0.2;by=10.99.0.2;host=host
        > 8386d4d3d2d1d0cfcac9cdccc8c7cecb
        :method: POST
        :scheme: http
        :path: /dapr.proto.runtime.v1.AppCallback/OnInvoke
        :authority: 127.0.0.1:9000
        content-type: application/grpc
        user-agent: grpc-go/1.82.1
        te: trailers
        grpc-accept-encoding: gzip
        dapr-caller-namespace: default
        dapr-caller-app-id: caller
        traceparent: 00-00000000000000000000000000000000-0000000000000000-00
        grpc-trace-bin: AAAAAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAgA
        dapr-callee-app-id: callee
        x-forwarded-for: 10.99.0.2
        x-forwarded-host: host
        forwarded: for=10.99.0.2;by=10.99.0.2;host=host
        > 8386458962d416c5f777231a3fd45f901d75d0620d263d4c4d6564ff75d8749fd3d2d140899acac8b24d494f6a7f870befbef85976dfcfd0d2cbc9cc
        :method: POST
        :scheme: http
        :path: /user.Svc/M
        :authority: 127.0.0.1:9000
        content-type: application/grpc+proto
        user-agent: grpc-go/1.82.1
        te: trailers
        grpc-accept-encoding: gzip
        grpc-timeout: 19999137u
        grpc-trace-bin: AAAAAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAgA
        traceparent: 00-00000000000000000000000000000000-0000000000000000-00
        grpc-accept-encoding: gzip
        dapr-callee-app-id: callee
        x-a: 1
        dapr-caller-app-id: caller
        > 8386c0d6bfd4d3d2d2cfd0cccb
        :method: POST
        :scheme: http
        :path: /user.Svc/M
        :authority: 127.0.0.1:9000
        content-type: application/grpc+proto
        user-agent: grpc-go/1.82.1
        te: trailers
        grpc-accept-encoding: gzip
        grpc-accept-encoding: gzip
        grpc-trace-bin: AAAAAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAgA
        traceparent: 00-00000000000000000000000000000000-0000000000000000-00
        dapr-caller-app-id: caller
        dapr-callee-app-id: callee
        > 8386c0d6bfd4d3d2d2ccd0cfcb
        :method: POST
        :scheme: http
        :path: /user.Svc/M
        :authority: 127.0.0.1:9000
        content-type: application/grpc+proto
        user-agent: grpc-go/1.82.1
        te: trailers
        grpc-accept-encoding: gzip
        grpc-accept-encoding: gzip
        dapr-caller-app-id: caller
        traceparent: 00-00000000000000000000000000000000-0000000000000000-00
        grpc-trace-bin: AAAAAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAgA
        dapr-callee-app-id: callee
        > 8386c0d6bfd4d3d2cfd2d0cccb
        :method: POST
        :scheme: http
        :path: /user.Svc/M
        :authority: 127.0.0.1:9000
        content-type: application/grpc+proto
        user-agent: grpc-go/1.82.1
        te: trailers
        grpc-accept-encoding: gzip
        grpc-trace-bin: AAAAAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAgA
        grpc-accept-encoding: gzip
        traceparent: 00-00000000000000000000000000000000-0000000000000000-00
        dapr-caller-app-id: caller
        dapr-callee-app-id: callee
        > 8386d7d6d5d4d3d2d1cdcacbd0cfcecc
        :method: POST
        :scheme: http
        :path: /dapr.proto.runtime.v1.AppCallback/OnInvoke
        :authority: 127.0.0.1:9000
        content-type: application/grpc
        user-agent: grpc-go/1.82.1
        te: trailers
        grpc-accept-encoding: gzip
        x-forwarded-host: host
        dapr-caller-namespace: default
        x-forwarded-for: 10.99.0.2
        dapr-callee-app-id: callee
        traceparent: 00-00000000000000000000000000000000-0000000000000000-00
        grpc-trace-bin: AAAAAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAgA
        forwarded: for=10.99.0.2;by=10.99.0.2;host=host
        dapr-caller-app-id: caller
        """;

    /// <summary>The callee daprd to the caller daprd: response heads and trailers.</summary>
    private const string CalleeToCaller =
        """
        > 885f8b1d75d0620d263d4c4d6564
        :status: 200
        content-type: application/grpc
        > 40889acac8b21234da8f013040899acac8b5254207317f00
        grpc-status: 0
        grpc-message:
        > 88c0
        :status: 200
        content-type: application/grpc
        > bfbe
        grpc-status: 0
        grpc-message:
        > 88c0
        :status: 200
        content-type: application/grpc
        > bfbe
        grpc-status: 0
        grpc-message:
        > 88c0
        :status: 200
        content-type: application/grpc
        > bfbe
        grpc-status: 0
        grpc-message:
        > 88c0
        :status: 200
        content-type: application/grpc
        > bfbe
        grpc-status: 0
        grpc-message:
        > 88c0
        :status: 200
        content-type: application/grpc
        > bfbe
        grpc-status: 0
        grpc-message:
        > 88c0
        :status: 200
        content-type: application/grpc
        > bfbe
        grpc-status: 0
        grpc-message:
        > 88c0
        :status: 200
        content-type: application/grpc
        > bfbe
        grpc-status: 0
        grpc-message:
        > 885f901d75d0620d263d4c4d6564ff75d8749f4084f2b4f2590131
        :status: 200
        content-type: application/grpc+proto
        x-hdr: 1
        > c1c04084f2b26ca30174
        grpc-status: 0
        grpc-message:
        x-trl: t
        > 88c0
        :status: 200
        content-type: application/grpc+proto
        > c2c1
        grpc-status: 0
        grpc-message:
        > 88c07f0301397f03026670
        :status: 200
        content-type: application/grpc+proto
        grpc-status: 9
        grpc-message: fp
        > 88c5
        :status: 200
        content-type: application/grpc
        > c4c3
        grpc-status: 0
        grpc-message:
        """;

    [Theory]
    [InlineData(DaprdToApp, 13)]
    [InlineData(CalleeToCaller, 23)]
    public void BlocksOfAConnection_InOrder_GiveTheRecordedFields(string recorded, int blocks)
    {
        var decoder = new HpackDecoder(HeaderBlocks.Roomy);
        var parsed = Parse(recorded);
        Assert.Equal(blocks, parsed.Count);
        foreach (var (block, fields) in parsed)
        {
            Assert.Equal(fields, decoder.DecodeLines(block));
        }
    }

    private static List<(byte[] Block, string[] Fields)> Parse(string recorded)
    {
        var parsed = new List<(byte[], string[])>();
        var hex = new StringBuilder();
        var fields = new List<string>();
        foreach (var line in (recorded + "\n> ").Split('\n'))
        {
            if (line.StartsWith("> ", StringComparison.Ordinal))
            {
                if (hex.Length > 0)
                {
                    parsed.Add((Convert.FromHexString(hex.ToString()), [.. fields]));
                }

                hex.Clear().Append(line.AsSpan(2).Trim());
                fields.Clear();
            }
            else if (line.StartsWith("+ ", StringComparison.Ordinal))
            {
                hex.Append(line.AsSpan(2).Trim());
            }
            else
            {
                fields.Add(line.EndsWith(':') ? line + " " : line);
            }
        }

        return parsed;
    }
}
