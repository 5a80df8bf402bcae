using System.Collections.Immutable;
using System.Globalization;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace FastSidecar.Configuration.Yaml;

/// <summary>
/// Text → <see cref="YamlValue"/>, from YamlDotNet's parser events. Only the first document is looked at, as yaml.Unmarshal does.
/// </summary>
internal sealed class YamlReader
{
    /// <summary>No hand-written file nests deeper; it keeps the recursion here far from the end of the stack.</summary>
    private const int MaxDepth = 500;

    private readonly Parser _parser;
    private readonly Dictionary<string, YamlValue> _anchors = new(StringComparer.Ordinal);
    private int _depth;

    private long LastLine => _parser.Current?.End.Line ?? 1;

    private YamlReader(string text) => _parser = new Parser(new StringReader(text));

    /// <summary>The first document; null when there is none, or nothing in it. Throws <see cref="YamlReadException"/>.</summary>
    public static YamlValue? Read(string text)
    {
        var reader = new YamlReader(text.TrimStart('\ufeff'));
        try
        {
            return reader.ReadDocument();
        }
        catch (YamlException e)
        {
            throw new YamlReadException($"yaml: {Where(e)}{What(e)}", e);
        }
        catch (InvalidOperationException e)
        {
            // The scanner leaves some plain scalars that are no YAML in this way.
            throw new YamlReadException(string.Create(CultureInfo.InvariantCulture, $"yaml: cannot be read from line {reader.LastLine} on"), e);
        }
    }

    private YamlValue? ReadDocument()
    {
        _parser.Consume<StreamStart>();
        if (!_parser.TryConsume<DocumentStart>(out _))
        {
            return null;
        }

        var value = ReadNode();
        _parser.Consume<DocumentEnd>();
        return value is YamlScalar { Tag: YamlTag.Null } ? null : value;
    }

    private YamlValue ReadNode()
    {
        if (++_depth > MaxDepth)
        {
            throw new YamlReadException($"yaml: exceeded max depth of {MaxDepth}");
        }

        YamlValue value;
        if (_parser.TryConsume<AnchorAlias>(out var alias))
        {
            value = _anchors.GetValueOrDefault(alias.Value.Value)
                ?? throw new YamlReadException($"yaml: unknown anchor '{alias.Value.Value}' referenced");
        }
        else if (_parser.TryConsume<Scalar>(out var scalar))
        {
            value = Remember(scalar, ReadScalar(scalar));
        }
        else if (_parser.TryConsume<SequenceStart>(out var sequence))
        {
            value = Remember(sequence, ReadSequence(sequence));
        }
        else
        {
            var mapping = _parser.Consume<MappingStart>();
            value = Remember(mapping, ReadMapping(mapping));
        }

        _depth--;
        return value;
    }

    private YamlValue Remember(NodeEvent node, YamlValue value)
    {
        if (!node.Anchor.IsEmpty)
        {
            _anchors[node.Anchor.Value] = value;
        }

        return value;
    }

    private static YamlScalar ReadScalar(Scalar scalar)
    {
        var tag = !scalar.Tag.IsEmpty && !scalar.Tag.IsNonSpecific ? YamlTag.Short(scalar.Tag.Value)
            : scalar.Style == ScalarStyle.Plain && !scalar.Tag.IsNonSpecific ? YamlTag.OfPlain(scalar.Value)
            : YamlTag.Text;
        return new YamlScalar((int)scalar.Start.Line, tag, scalar.Value);
    }

    private YamlSequence ReadSequence(SequenceStart start)
    {
        var items = ImmutableArray.CreateBuilder<YamlValue>();
        while (!_parser.TryConsume<SequenceEnd>(out _))
        {
            items.Add(ReadNode());
        }

        return new YamlSequence((int)start.Start.Line, TagOf(start, YamlTag.Sequence), items.ToImmutable());
    }

    private YamlMapping ReadMapping(MappingStart start)
    {
        var entries = ImmutableArray.CreateBuilder<KeyValuePair<YamlValue, YamlValue>>();
        while (!_parser.TryConsume<MappingEnd>(out _))
        {
            var key = ReadNode();
            entries.Add(KeyValuePair.Create(key, ReadNode()));
        }

        return new YamlMapping((int)start.Start.Line, TagOf(start, YamlTag.Mapping), entries.ToImmutable());
    }

    private static string TagOf(NodeEvent node, string otherwise) =>
        node.Tag.IsEmpty || node.Tag.IsNonSpecific ? otherwise : YamlTag.Short(node.Tag.Value);

    /// <summary>go-yaml counts lines from 1 in the scanner's errors, from 0 in the parser's, and leaves a 0 out.</summary>
    private static string Where(YamlException e)
    {
        var line = e is SemanticErrorException ? e.Start.Line - 1 : e.Start.Line;
        return line > 0 ? $"line {line}: " : "";
    }

    /// <summary>Both parsers are ports of libyaml: without the "while parsing …" in front the sentences are nearly the same.</summary>
    private static string What(YamlException e)
    {
        var text = e.Message.TrimEnd('.');
        if (text.StartsWith("While ", StringComparison.Ordinal) && text.IndexOf(", ", StringComparison.Ordinal) is var comma and >= 0)
        {
            text = text[(comma + 2)..];
        }

        return text.Length > 0 ? char.ToLowerInvariant(text[0]) + text[1..] : text;
    }
}
