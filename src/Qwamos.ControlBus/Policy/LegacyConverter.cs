using System.Globalization;
using System.Text;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>
/// Reads the <c>policy.conf</c> of the old design: flat <c>KEY=value</c> lines and <c>[SECTION]</c> form, comments, any
/// case, quotes. It converts what it understands and reports every other line with its number; it never guesses.
/// </summary>
public sealed class LegacyConverter
{
    /// <summary>Longest file: the old ones had a few dozen lines.</summary>
    public const int MaxFileBytes = 65_536;

    private const string Signature = "SIG";

    private readonly PolicySchema schema;
    private readonly List<KeyValuePair<string, PolicyValue>> values = [];
    private readonly Dictionary<string, int> lineOf = new(StringComparer.Ordinal);
    private readonly List<LegacyLine> unknown = [];
    private readonly List<LegacyLine> faults = [];
    private readonly List<LegacyLine> notes = [];
    private string section = "";

    private LegacyConverter(PolicySchema schema) => this.schema = schema;

    /// <summary>Converts a file's content. Content that is too long or not UTF-8 text gives one fault at line 1.</summary>
    public static LegacyConversion Convert(PolicySchema schema, ReadOnlySpan<byte> content)
    {
        ArgumentNullException.ThrowIfNull(schema);
        var converter = new LegacyConverter(schema);
        if (content.Length > MaxFileBytes)
            converter.faults.Add(new LegacyLine(1, "", $"the file has more than {MaxFileBytes} bytes"));
        else if (!TryDecode(content, out var text))
            converter.faults.Add(new LegacyLine(1, "", "the file is not UTF-8 text"));
        else
            converter.ReadLines(text);
        return new LegacyConversion { Values = converter.values, Unknown = converter.unknown, Faults = converter.faults, Notes = converter.notes };
    }

    private static bool TryDecode(ReadOnlySpan<byte> content, out string text)
    {
        text = "";
        try
        {
            text = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(content).TrimStart('\ufeff');
            return !text.Contains('\0', StringComparison.Ordinal);
        }
        catch (DecoderFallbackException)
        {
            return false;
        }
    }

    private void ReadLines(string text)
    {
        var number = 0;
        foreach (var line in text.Split('\n'))
            ReadLine(++number, line.Trim());
    }

    private void ReadLine(int number, string line)
    {
        if (line.Length == 0 || line[0] is '#' or ';')
            return;
        if (line[0] == '[')
        {
            var end = line.IndexOf(']', StringComparison.Ordinal);
            if (end < 0 || WithoutComment(line[(end + 1)..]).Length > 0)
                faults.Add(new LegacyLine(number, Shown(line), "is not a section: [NAME]"));
            else
                section = line[1..end].Trim();
            return;
        }
        var equals = line.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0)
        {
            // The line itself is not repeated: it may be a value whose key got lost.
            faults.Add(new LegacyLine(number, "", "is neither KEY=value, nor [SECTION], nor a comment"));
            return;
        }
        ReadPair(number, line[..equals].Trim(), ValueOf(line[(equals + 1)..]));
    }

    private void ReadPair(int number, string name, string value)
    {
        if (string.Equals(name, Signature, StringComparison.OrdinalIgnoreCase))
        {
            notes.Add(new LegacyLine(number, Signature, "the old signature is left out: sign the result with `qwamosctl apply`"));
            return;
        }
        var shown = Shown(section.Length == 0 ? name : $"[{section}] {name}");
        if (Find(name) is { } key)
        {
            Take(number, shown, key, value);
        }
        else if (!LegacyNames.IsKnown(name))
        {
            var nearest = schema.Nearest(section.Length == 0 ? name : $"{section}.{name}");
            unknown.Add(new LegacyLine(number, shown, nearest is null ? "is not a policy key" : $"is not a policy key; did you mean {nearest}?"));
        }
        else if (!LegacyNames.TryTranslate(name, value, out var newName, out var newValue, out var fault))
        {
            faults.Add(new LegacyLine(number, shown, fault));
        }
        else if (!schema.TryGet(newName, out var renamed))
        {
            unknown.Add(new LegacyLine(number, shown, $"is {newName} now, which this schema does not have"));
        }
        else if (Take(number, shown, renamed, newValue))
        {
            notes.Add(new LegacyLine(number, shown, $"is {newName} now"));
        }
    }

    // [RADIO_HARDENING] level is RADIO_HARDENING.level; a section that only groups leaves whole names as they are.
    private PolicyKey? Find(string name)
        => schema.Keys.FirstOrDefault(key => section.Length > 0 && Same(key.Name, $"{section}.{name}"))
            ?? schema.Keys.FirstOrDefault(key => Same(key.Name, name));

    private bool Take(int number, string shown, PolicyKey key, string text)
    {
        if (!TryValue(key, text, out var value))
        {
            faults.Add(new LegacyLine(number, shown, PolicySchema.RuleOf(key)));
            return false;
        }
        if (key.IsEvent && EventValues.IsFire(value))
        {
            faults.Add(new LegacyLine(number, shown, $"{EventValues.Fire} is never part of a file: send it alone, with `qwamosctl set`"));
            return false;
        }
        if (!lineOf.TryAdd(key.Name, number))
        {
            var isSame = values.Exists(pair => pair.Key == key.Name && pair.Value == value);
            (isSame ? notes : faults).Add(new LegacyLine(
                number, shown, $"is given in line {lineOf[key.Name]} already, with {(isSame ? "the same" : "another")} value"));
            return false;
        }
        values.Add(KeyValuePair.Create(key.Name, value));
        return true;
    }

    private static bool TryValue(PolicyKey key, string text, out PolicyValue value)
    {
        value = default;
        switch (key.Type)
        {
            case PolicyType.Boolean:
                value = PolicyValue.Of(IsAny(text, "true", "yes", "on", "1", "enabled"));
                return value.Truth || IsAny(text, "false", "no", "off", "0", "disabled");
            case PolicyType.Integer:
                if (!long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer)
                    || integer is < -Limits.MaxSafeInteger or > Limits.MaxSafeInteger)
                    return false;
                value = PolicyValue.Of(integer);
                return key.Admits(value);
            default:
                // Any case is meant for the values of a list only; free text is taken as it stands.
                value = PolicyValue.Of(text);
                if (!key.Values.Contains(value))
                    value = key.Values.FirstOrDefault(known => Same(known.Text, text), value);
                return key.Admits(value);
        }
    }

    private static string ValueOf(string rest)
    {
        var text = rest.Trim();
        if (text.Length > 0 && text[0] is '"' or '\'')
        {
            var end = text.IndexOf(text[0], 1);
            if (end > 0 && WithoutComment(text[(end + 1)..]).Length == 0)
                return text[1..end];
        }
        return WithoutComment(text);
    }

    // A comment after a value begins with white space: a#b is a value.
    private static string WithoutComment(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] is '#' or ';' && (i == 0 || char.IsWhiteSpace(text[i - 1])))
                return text[..i].Trim();
        }
        return text.Trim();
    }

    private static bool IsAny(string text, params ReadOnlySpan<string> words)
    {
        foreach (var word in words)
        {
            if (Same(text, word))
                return true;
        }
        return false;
    }

    private static bool Same(string left, string right) => string.Equals(left, right, StringComparison.OrdinalIgnoreCase);

    private static string Shown(string name) => SafeText.ForTerminal(CodePoints.Take(name, 64));
}
