using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.RegularExpressions;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>Turns a schema document into a <see cref="JsonSchema"/>, refusing every keyword and form that it does not know exactly.</summary>
internal sealed class JsonSchemaReader
{
    // Depth and size are bounded by the parser; this bounds the work of one enum check.
    private const int MaxEnumValues = 256;

    private readonly JsonValue document;
    private readonly string where;
    private string fault = "";

    private JsonTypes types;
    private IReadOnlyList<JsonValue>? allowed;
    private JsonValue? constant;
    private Dictionary<string, JsonSchema>? properties;
    private IReadOnlyList<string> required = [];
    private JsonSchema? additional;
    private readonly List<NumberBound> bounds = [];
    private int minimumCodePoints;
    private int maximumCodePoints = int.MaxValue;
    private Regex? pattern;
    private string patternText = "";

    private JsonSchemaReader(JsonValue document, string where)
    {
        this.document = document;
        this.where = where;
    }

    public static bool TryRead(JsonValue document, [NotNullWhen(true)] out JsonSchema? schema, out string fault)
        => TryRead(document, "", out schema, out fault);

    private static bool TryRead(JsonValue document, string where, [NotNullWhen(true)] out JsonSchema? schema, out string fault)
    {
        schema = null;
        fault = "";
        if (document.Kind == JsonKind.Boolean)
        {
            schema = new JsonSchema { RefusesAll = !document.AsBoolean };
            return true;
        }
        if (document.Kind != JsonKind.Object)
        {
            fault = $"schema at {Place(where)}: must be an object or a boolean";
            return false;
        }
        var reader = new JsonSchemaReader(document, where);
        if (!reader.ReadKeywords())
        {
            fault = reader.fault;
            return false;
        }
        schema = reader.Build();
        return true;
    }

    private JsonSchema Build() => new()
    {
        Types = types,
        Allowed = allowed,
        Constant = constant,
        Properties = properties,
        Required = required,
        AdditionalProperties = additional,
        Bounds = bounds,
        MinimumCodePoints = minimumCodePoints,
        MaximumCodePoints = maximumCodePoints,
        Pattern = pattern,
        PatternText = patternText,
    };

    private bool ReadKeywords()
    {
        foreach (var (keyword, value) in document.Members)
        {
            if (!ReadKeyword(keyword, value))
                return false;
        }
        return true;
    }

    private bool ReadKeyword(string keyword, JsonValue value) => keyword switch
    {
        "type" => ReadType(value),
        "enum" => ReadEnum(value),
        "const" => ReadConst(value),
        "properties" => ReadProperties(value),
        "required" => ReadRequired(value),
        "additionalProperties" => TryRead(value, where + "/additionalProperties", out additional, out fault),
        "minimum" => ReadBound(keyword, value, isMaximum: false, isExclusive: false, "must be at least "),
        "maximum" => ReadBound(keyword, value, isMaximum: true, isExclusive: false, "must be at most "),
        "exclusiveMinimum" => ReadBound(keyword, value, isMaximum: false, isExclusive: true, "must be greater than "),
        "exclusiveMaximum" => ReadBound(keyword, value, isMaximum: true, isExclusive: true, "must be less than "),
        "minLength" => ReadLength(keyword, value, out minimumCodePoints),
        "maxLength" => ReadLength(keyword, value, out maximumCodePoints),
        "pattern" => ReadPattern(value),
        "$schema" => ReadDialect(value),
        "$id" or "title" or "description" or "$comment" => value.Kind == JsonKind.String || Bad(keyword, "must be a string"),
        "default" or "x-qwamos" => true,
        _ => Bad(keyword, "is a keyword that this program does not know; it never ignores one"),
    };

    private bool ReadType(JsonValue value)
    {
        IReadOnlyList<JsonValue> names = value.Kind == JsonKind.Array ? value.Items : [value];
        if (names.Count == 0)
            return Bad("type", "must name a type");
        foreach (var name in names)
        {
            var type = name.Kind == JsonKind.String ? TypeOf(name.AsString) : JsonTypes.None;
            if (type == JsonTypes.None)
                return Bad("type", "must be one of null, boolean, integer, number, string, array, object, or a list of them");
            if (types.HasFlag(type))
                return Bad("type", "names a type twice");
            types |= type;
        }
        return true;
    }

    private static JsonTypes TypeOf(string name) => name switch
    {
        "null" => JsonTypes.Null,
        "boolean" => JsonTypes.Boolean,
        "integer" => JsonTypes.Integer,
        "number" => JsonTypes.Number,
        "string" => JsonTypes.String,
        "array" => JsonTypes.Array,
        "object" => JsonTypes.Object,
        _ => JsonTypes.None,
    };

    private bool ReadEnum(JsonValue value)
    {
        if (value.Kind != JsonKind.Array || value.Items.Length > MaxEnumValues)
            return Bad("enum", $"must be an array of at most {MaxEnumValues} values");
        allowed = value.Items;
        return true;
    }

    private bool ReadConst(JsonValue value)
    {
        constant = value;
        return true;
    }

    private bool ReadProperties(JsonValue value)
    {
        if (value.Kind != JsonKind.Object)
            return Bad("properties", "must be an object");
        properties = new Dictionary<string, JsonSchema>(StringComparer.Ordinal);
        foreach (var (name, member) in value.Members)
        {
            if (!TryRead(member, $"{where}/properties/{Escape(name)}", out var schema, out fault))
                return false;
            properties.Add(name, schema);
        }
        return true;
    }

    private bool ReadRequired(JsonValue value)
    {
        if (value.Kind != JsonKind.Array || value.Items.Any(item => item.Kind != JsonKind.String))
            return Bad("required", "must be an array of strings");
        required = [.. value.Items.Select(item => item.AsString)];
        return required.Distinct(StringComparer.Ordinal).Count() == required.Count || Bad("required", "names a member twice");
    }

    private bool ReadBound(string keyword, JsonValue value, bool isMaximum, bool isExclusive, string words)
    {
        if (value.Kind != JsonKind.Number)
            return Bad(keyword, "must be a number");
        bounds.Add(new NumberBound(value, isMaximum, isExclusive, words + value.NumberToken));
        return true;
    }

    private bool ReadLength(string keyword, JsonValue value, out int codePoints)
    {
        codePoints = 0;
        if (value.Kind != JsonKind.Number || !ExactNumber.Parse(value.NumberToken).IsInteger)
            return Bad(keyword, "must be an integer");
        // 2.0 is an integer too, so the token goes through decimal; nothing longer than 2^31-1 can be read anyway.
        if (!decimal.TryParse(value.NumberToken, NumberStyles.Float, CultureInfo.InvariantCulture, out var length) || length is < 0 or > int.MaxValue)
            return Bad(keyword, $"must be between 0 and {int.MaxValue}");
        codePoints = (int)length;
        return true;
    }

    private bool ReadPattern(JsonValue value)
    {
        if (value.Kind != JsonKind.String)
            return Bad("pattern", "must be a string");
        if (!EcmaPattern.TryCompile(value.AsString, out pattern, out var why))
            return Bad("pattern", why);
        patternText = value.AsString;
        return true;
    }

    private bool ReadDialect(JsonValue value)
        => (value.Kind == JsonKind.String && value.AsString is "http://json-schema.org/draft-07/schema#" or "http://json-schema.org/draft-07/schema")
            || Bad("$schema", "must be http://json-schema.org/draft-07/schema#");

    private bool Bad(string keyword, string why)
    {
        fault = $"schema at {Place(where)}: \"{SafeText.ForTerminal(keyword)}\" {why}";
        return false;
    }

    private static string Place(string where) => where.Length == 0 ? "/" : SafeText.ForTerminal(where);

    private static string Escape(string name)
        => name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);
}
