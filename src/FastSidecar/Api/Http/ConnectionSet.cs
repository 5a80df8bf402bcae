using System.Collections.Concurrent;
using Microsoft.AspNetCore.Connections;

namespace FastSidecar.Api.Http;

/// <summary>The open HTTP/1.1 connections of a server.</summary>
internal sealed class ConnectionSet
{
    private readonly ConcurrentDictionary<ConnectionUse, bool> _open = [];

    /// <summary>Connection middleware: what goes to <paramref name="http1"/> is in the set as long as it is open.</summary>
    public ConnectionDelegate Watch(ConnectionDelegate http1) =>
        async connection =>
        {
            var use = new ConnectionUse(connection);
            connection.Features.Set(use);
            _open.TryAdd(use, true);
            try
            {
                await http1(connection);
            }
            finally
            {
                _open.TryRemove(use, out _);
            }
        };

    /// <summary>Closes those that carry no request.</summary>
    public void CloseIdle()
    {
        foreach (var (use, _) in _open)
        {
            use.CloseIfIdle();
        }
    }
}
