using System.Diagnostics;
using System.Text;
using FastSidecar.Tests.Shared;

namespace FastSidecar.Transport.Tests.Tls;

/// <summary>
/// <c>openssl s_server</c> or <c>s_client</c>: leaf and issuer shown, one root trusted, the other side's certificate demanded.
/// </summary>
internal sealed class OpenSslPeer : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly TaskCompletionSource<int> _port = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _reading;

    private OpenSslPeer(params string[] arguments)
    {
        _process = OpenSsl.Start(arguments);
        _reading = Task.WhenAll(ReadAsync(_process.StandardOutput), ReadAsync(_process.StandardError));
    }

    /// <summary>The port of a server, once it listens.</summary>
    public Task<int> Port => _port.Task;

    /// <summary>A server that answers each line with the line reversed.</summary>
    public static OpenSslPeer Serve(TestLeaf leaf, TestLeaf root, string? alpn, params string[] more) => new(
    [
        "s_server", "-accept", "127.0.0.1:0", "-rev", "-cert", leaf.CertificateFile, "-key", leaf.KeyFile,
        "-cert_chain", leaf.IssuerFile, "-CAfile", root.CertificateFile, "-no-CApath", "-no-CAstore",
        "-Verify", "5", "-verify_return_error",
        .. alpn is null ? Array.Empty<string>() : ["-alpn", alpn], .. more,
    ]);

    /// <summary>A client; without a leaf it shows no certificate.</summary>
    public static OpenSslPeer Connect(int port, TestLeaf? leaf, TestLeaf root, string? alpn, params string[] more) => new(
    [
        "s_client", "-connect", $"127.0.0.1:{port}", "-showcerts",
        "-CAfile", root.CertificateFile, "-no-CApath", "-no-CAstore", "-verify_return_error",
        .. leaf is null ? Array.Empty<string>() : ["-cert", leaf.CertificateFile, "-key", leaf.KeyFile, "-cert_chain", leaf.IssuerFile],
        .. alpn is null ? Array.Empty<string>() : ["-alpn", alpn], .. more,
    ]);

    public async Task SendAsync(string line)
    {
        await _process.StandardInput.WriteAsync(line + "\n");
        await _process.StandardInput.FlushAsync();
    }

    /// <summary>All it printed, once it has ended by itself.</summary>
    public async Task<string> OutputAsync()
    {
        await _reading.Within("the end of openssl's output");
        return Printed();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        await _process.WaitForExitAsync().Within("the end of openssl");
        await _reading.Within("the end of openssl's output");
        _process.Dispose();
    }

    private async Task ReadAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (_output)
            {
                _output.AppendLine(line);
            }

            if (line.StartsWith("ACCEPT ", StringComparison.Ordinal) && line.LastIndexOf(':') is > 0 and var colon)
            {
                _port.TrySetResult(int.Parse(line.AsSpan(colon + 1)));
            }
        }

        _port.TrySetException(new EndOfStreamException($"openssl ended: {Printed()}"));
        _ = _port.Task.Exception;
    }

    private string Printed()
    {
        lock (_output)
        {
            return _output.ToString();
        }
    }
}
