using FastSidecar.Protocol.Protobuf;

namespace FastSidecar.Protocol.Grpc;

/// <summary>
/// One .proto file as reflection shows it: an encoded google.protobuf.FileDescriptorProto (protobuf's descriptor.proto), put together from
/// lines. For files of a few messages that are kept by hand.
/// </summary>
/// <remarks>
/// A field is a line <c>[repeated|optional|oneof NAME] TYPE name number [json_name]</c>; TYPE is a scalar, a message's full name with
/// a dot before it, <c>enum</c> and such a name joined by a colon, or <c>map</c> and the type of its values joined so, its keys being strings. A method is
/// <c>Name .request .response</c>, with <c>stream</c> joined by a colon to either name.
/// </remarks>
internal sealed class DescriptorFile
{
    private const int EnumType = 14;
    private const int MessageType = 11;
    private const int Repeated = 3;

    private readonly MessageBuilder _file = new();
    private readonly string _package;

    public DescriptorFile(string name, string package, params string[] dependencies)
    {
        Name = name;
        _package = package;
        Dependencies = dependencies;
        _file.Text(1, name).Text(2, package);
        foreach (var dependency in dependencies)
        {
            _file.Text(3, dependency);
        }

        _file.Text(12, "proto3");
    }

    public string Name { get; }

    public IReadOnlyList<string> Dependencies { get; }

    /// <summary>Full names of all that is defined here: messages, enums, services, and with them their fields, values and methods.</summary>
    public HashSet<string> Symbols { get; } = new(StringComparer.Ordinal);

    /// <summary>Full names of its services.</summary>
    public List<string> Services { get; } = [];

    public ReadOnlySpan<byte> Encoded => _file.Span;

    public DescriptorFile Message(string name, params ReadOnlySpan<string> fields)
    {
        _file.Message(4, MessageOf(name, Full(name), fields));
        return this;
    }

    /// <summary>A message that has an enum of its own.</summary>
    public DescriptorFile MessageWithEnum(string name, string enumName, string[] values, params ReadOnlySpan<string> fields)
    {
        var message = MessageOf(name, Full(name), fields);
        _file.Message(4, message.Message(4, EnumOf(enumName, $"{Full(name)}.{enumName}", values)));
        return this;
    }

    public DescriptorFile Enum(string name, params string[] values)
    {
        _file.Message(5, EnumOf(name, Full(name), values));
        return this;
    }

    public DescriptorFile Service(string name, params ReadOnlySpan<string> methods)
    {
        var service = new MessageBuilder().Text(1, name);
        var full = Full(name);
        Symbols.Add(full);
        Services.Add(full);
        foreach (var line in methods)
        {
            var parts = line.Split(' ');
            Symbols.Add($"{full}.{parts[0]}");
            service.Message(2, new MessageBuilder()
                .Text(1, parts[0])
                .Text(2, parts[1][parts[1].IndexOf('.', StringComparison.Ordinal)..])
                .Text(3, parts[2][parts[2].IndexOf('.', StringComparison.Ordinal)..])
                .Number(5, parts[1].StartsWith("stream:", StringComparison.Ordinal) ? 1 : 0)
                .Number(6, parts[2].StartsWith("stream:", StringComparison.Ordinal) ? 1 : 0));
        }

        _file.Message(6, service);
        return this;
    }

    private string Full(string name) => _package.Length == 0 ? name : $"{_package}.{name}";

    private MessageBuilder MessageOf(string name, string full, ReadOnlySpan<string> fields)
    {
        Symbols.Add(full);
        var message = new MessageBuilder().Text(1, name);
        var oneofs = new List<string>();
        foreach (var line in fields)
        {
            message.Message(2, FieldOf(line, full, oneofs, message));
        }

        foreach (var oneof in oneofs)
        {
            message.Message(8, new MessageBuilder().Text(1, oneof));
        }

        return message;
    }

    private MessageBuilder FieldOf(string line, string owner, List<string> oneofs, MessageBuilder message)
    {
        var parts = new Queue<string>(line.Split(' '));
        var label = parts.Peek() is "repeated" or "optional" or "oneof" ? parts.Dequeue() : "";
        var oneof = label == "oneof" ? parts.Dequeue() : "";
        var type = parts.Dequeue();
        var name = parts.Dequeue();
        var number = int.Parse(parts.Dequeue(), System.Globalization.CultureInfo.InvariantCulture);
        Symbols.Add($"{owner}.{name}");
        if (type.StartsWith("map:", StringComparison.Ordinal))
        {
            type = $".{owner}.{MapEntry(name, type["map:".Length..], message)}";
            label = "repeated";
        }

        var field = new MessageBuilder().Text(1, name).Number(3, number).Number(4, label == "repeated" ? Repeated : 1);
        AddType(field, type);
        if (label is "oneof" or "optional")
        {
            // An optional field is a oneof of its own, by the compiler's doing.
            oneof = label == "optional" ? "_" + name : oneof;
            if (!oneofs.Contains(oneof))
            {
                oneofs.Add(oneof);
            }

            field.NumberAlways(9, oneofs.IndexOf(oneof));
        }

        field.Text(10, parts.Count > 0 ? parts.Dequeue() : JsonName(name));
        return label == "optional" ? field.Number(17, 1) : field;
    }

    /// <summary>The message that stands behind a map, as the compiler makes it.</summary>
    private static string MapEntry(string field, string valueType, MessageBuilder message)
    {
        var camel = JsonName(field);
        var name = $"{char.ToUpperInvariant(camel[0])}{camel[1..]}Entry";
        const int MapEntryOption = 7;
        var entry = new MessageBuilder().Text(1, name);
        entry.Message(2, new MessageBuilder().Text(1, "key").Number(3, 1).Number(4, 1).Number(5, Scalar("string")).Text(10, "key"));
        entry.Message(2, AddType(new MessageBuilder().Text(1, "value").Number(3, 2).Number(4, 1), valueType).Text(10, "value"));
        message.Message(3, entry.Message(7, new MessageBuilder().Number(MapEntryOption, 1)));
        return name;
    }

    private MessageBuilder EnumOf(string name, string full, string[] values)
    {
        // An enum's values are its siblings, not its children.
        Symbols.Add(full);
        var outer = full[..^name.Length];
        var message = new MessageBuilder().Text(1, name);
        for (var number = 0; number < values.Length; number++)
        {
            Symbols.Add(outer + values[number]);
            message.Message(2, new MessageBuilder().Text(1, values[number]).NumberAlways(2, number));
        }

        return message;
    }

    private static MessageBuilder AddType(MessageBuilder field, string type) =>
        type[0] == '.' ? field.Number(5, MessageType).Text(6, type)
        : type.StartsWith("enum:", StringComparison.Ordinal) ? field.Number(5, EnumType).Text(6, type["enum:".Length..])
        : field.Number(5, Scalar(type));

    private static int Scalar(string type) => type switch
    {
        "int32" => 5,
        "bool" => 8,
        "string" => 9,
        "bytes" => 12,
        _ => throw new ArgumentException($"a field's type is {type}", nameof(type)),
    };

    private static string JsonName(string name)
    {
        var parts = name.Split('_');
        return parts[0] + string.Concat(parts.Skip(1).Select(static part => $"{char.ToUpperInvariant(part[0])}{part[1..]}"));
    }
}
