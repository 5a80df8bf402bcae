namespace FastSidecar.Api.Http;

/// <summary>What serves a request to the HTTP API.</summary>
internal enum ApiEndpoint
{
    /// <summary>Service invocation; also whatever no other route claims.</summary>
    Invoke,
    Healthz,
    HealthzOutbound,
    GetMetadata,
    PutMetadata,
    Shutdown,

    /// <summary>Another building block, which is never configured here; <see cref="ApiRoute.Answer"/> says what it answers.</summary>
    BuildingBlock,

    /// <summary>404 as plain text, where invocation is no fallback.</summary>
    NotFound,

    /// <summary>405 with an empty body and one <c>Allow</c> line per verb, where invocation is no fallback.</summary>
    MethodNotAllowed,
}

/// <summary>One route of the HTTP API: verbs, and a pattern of segments.</summary>
internal sealed class ApiRoute
{
    private readonly byte[][] _segments;

    /// <param name="name">Dapr's name of the endpoint, as its log and metrics show it.</param>
    /// <param name="group">The API group of Dapr's allow and deny lists (<c>state</c>, <c>publish</c>, …).</param>
    /// <param name="endpoint">What serves it.</param>
    /// <param name="verbs">In upper case; a request's verb has to match exactly.</param>
    /// <param name="version">The first path segment, <c>v1.0</c> or <c>v1.0-alpha1</c>.</param>
    /// <param name="pattern">The rest; <c>{name}</c> stands for one segment, <c>*</c> at the end for one or more.</param>
    /// <param name="answer">What a building block that is not configured answers.</param>
    public ApiRoute(
        string name,
        string group,
        ApiEndpoint endpoint,
        string[] verbs,
        string version,
        string pattern,
        BuildingBlockAnswer? answer = null)
    {
        Name = name;
        Group = group;
        Endpoint = endpoint;
        Verbs = verbs;
        Version = version;
        Pattern = pattern;
        Answer = answer;
        _segments = Array.ConvertAll($"{version}/{pattern}".Split('/'), System.Text.Encoding.ASCII.GetBytes);
    }

    public string Name { get; }

    public string Group { get; }

    public ApiEndpoint Endpoint { get; }

    public string[] Verbs { get; }

    public string Version { get; }

    public string Pattern { get; }

    public BuildingBlockAnswer? Answer { get; }

    public bool Accepts(ReadOnlySpan<byte> verb)
    {
        foreach (var accepted in Verbs)
        {
            if (System.Text.Ascii.Equals(verb, accepted))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// Whether the routing path has the pattern's shape; <paramref name="parameter"/> is the first <c>{name}</c>, still escaped.
    /// </summary>
    public bool Matches(ReadOnlySpan<byte> routingPath, out ReadOnlySpan<byte> parameter)
    {
        parameter = default;
        if (routingPath.IsEmpty || routingPath[0] != '/')
        {
            return false;
        }

        var rest = routingPath[1..];
        for (var i = 0; i < _segments.Length; i++)
        {
            ReadOnlySpan<byte> pattern = _segments[i];
            if (pattern.SequenceEqual("*"u8))
            {
                return !rest.IsEmpty;
            }

            var slash = rest.IndexOf((byte)'/');
            var segment = slash < 0 ? rest : rest[..slash];
            if (segment.IsEmpty || (slash < 0) != (i == _segments.Length - 1))
            {
                return false;
            }

            if (pattern[0] == '{')
            {
                parameter = parameter.IsEmpty ? segment : parameter;
            }
            else if (!segment.SequenceEqual(pattern))
            {
                return false;
            }

            rest = slash < 0 ? default : rest[(slash + 1)..];
        }

        return true;
    }
}
