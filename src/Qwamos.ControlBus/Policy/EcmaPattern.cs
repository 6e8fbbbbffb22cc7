using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Qwamos.ControlBus.Policy;

/// <summary>
/// Translates a regular expression of ECMA-262 (what draft-07 means by <c>pattern</c>) into one that .NET reads the
/// same way and matches in linear time (NonBacktracking, which excludes RegexOptions.ECMAScript). Left as they are,
/// <c>\d \w \s . $</c> would mean more in .NET than in ECMA-262. What cannot be translated exactly - lookaround,
/// back references, <c>\b</c>, named groups, property escapes - is refused when the schema is loaded.
/// </summary>
internal sealed class EcmaPattern
{
    private const int MaxPatternChars = 256;
    private const int MaxRepeat = 256;

    private const string Digits = "0-9";
    private const string WordCharacters = "A-Za-z0-9_";
    // ECMA-262 WhiteSpace and LineTerminator.
    private const string Spaces = @"\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff";

    private readonly string source;
    private readonly StringBuilder result = new();
    private readonly Stack<bool> groupsHoldCounts = new();
    private int at;
    private bool levelHoldsCount;
    private bool atomHoldsCount;
    private bool canRepeat;
    private string fault = "";

    private EcmaPattern(string source) => this.source = source;

    public static bool TryCompile(string source, [NotNullWhen(true)] out Regex? regex, out string fault)
    {
        regex = null;
        fault = $"must be at most {MaxPatternChars} characters";
        if (source.Length > MaxPatternChars)
            return false;
        var translation = new EcmaPattern(source);
        if (!translation.Translate())
        {
            fault = translation.fault;
            return false;
        }
        try
        {
            regex = new Regex(translation.result.ToString(), RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
            return true;
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            fault = "is not a regular expression that can be matched in linear time";
            return false;
        }
    }

    private bool Translate()
    {
        while (at < source.Length)
        {
            if (!TranslateNext(source[at++]))
                return false;
        }
        return groupsHoldCounts.Count == 0 || Bad("has a group without its end");
    }

    private bool TranslateNext(char c)
    {
        switch (c)
        {
            case '^':
                return Add(@"\A", repeatable: false);
            case '$':
                return Add(@"\z", repeatable: false);
            case '|':
                return Add("|", repeatable: false);
            case '.':
                return Add(@"[^\n\r\u2028\u2029]", repeatable: true);
            case '(':
                return OpenGroup();
            case ')':
                return CloseGroup();
            case '[':
                return TranslateClass();
            case '*' or '+' or '?':
                return Repeat(c.ToString(), isCount: false);
            case '{':
                return RepeatCounted();
            case ']' or '}':
                return Bad($"has a lone {c}; write \\{c}");
            case '\\':
                return TranslateEscape();
            default:
                return Add(Literal(c), repeatable: true);
        }
    }

    private bool Add(string text, bool repeatable)
    {
        result.Append(text);
        canRepeat = repeatable;
        atomHoldsCount = false;
        return true;
    }

    private bool OpenGroup()
    {
        if (at < source.Length && source[at] == '?')
        {
            if (at + 1 >= source.Length || source[at + 1] != ':')
                return Bad("uses a group other than (...) and (?:...)");
            at += 2;
        }
        groupsHoldCounts.Push(levelHoldsCount);
        levelHoldsCount = false;
        return Add("(?:", repeatable: false);
    }

    private bool CloseGroup()
    {
        if (groupsHoldCounts.Count == 0)
            return Bad("has a lone ); write \\)");
        var held = levelHoldsCount;
        levelHoldsCount = groupsHoldCounts.Pop() || held;
        Add(")", repeatable: true);
        atomHoldsCount = held;
        return true;
    }

    private bool Repeat(string quantifier, bool isCount)
    {
        if (!canRepeat)
            return Bad("repeats nothing");
        // Counts within counts multiply: (?:a{256}){256} would be an automaton of 65,536 states.
        if (isCount && atomHoldsCount)
            return Bad("has a count within a count");
        levelHoldsCount |= isCount;
        result.Append(quantifier);
        if (at < source.Length && source[at] == '?')
        {
            result.Append('?');
            at++;
        }
        canRepeat = false;
        return true;
    }

    private bool RepeatCounted()
    {
        var end = source.IndexOf('}', at);
        if (end < 0)
            return Bad("has a lone {; write \\{");
        var parts = source[at..end].Split(',');
        if (parts.Length > 2 || !TryCount(parts[0], out var least))
            return Bad($"has a count other than {{n}}, {{n,}}, {{n,m}} up to {MaxRepeat}");
        var most = least;
        if (parts.Length == 2 && parts[1].Length > 0 && (!TryCount(parts[1], out most) || most < least))
            return Bad($"has a count other than {{n}}, {{n,}}, {{n,m}} up to {MaxRepeat}");
        at = end + 1;
        return Repeat($"{{{string.Join(',', parts)}}}", isCount: true);
    }

    private static bool TryCount(string digits, out int count)
        => int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out count) && count <= MaxRepeat;

    private bool TranslateClass()
    {
        var negated = at < source.Length && source[at] == '^';
        if (negated)
            at++;
        var members = new StringBuilder();
        while (true)
        {
            if (at >= source.Length)
                return Bad("has a lone [; write \\[");
            var c = source[at++];
            if (c == ']')
                break;
            if (c == '\\')
            {
                if (!TryEscape(inClass: true, out var escaped))
                    return false;
                members.Append(escaped);
            }
            else
            {
                // A hyphen keeps its meaning (range, or itself at an end); [ would begin a class subtraction in .NET.
                members.Append(c == '-' ? "-" : Literal(c));
            }
        }
        if (members.Length == 0)
            return Bad("has an empty class");
        return Add($"[{(negated ? "^" : "")}{members}]", repeatable: true);
    }

    private bool TranslateEscape() => TryEscape(inClass: false, out var escaped) && Add(escaped, repeatable: true);

    private bool TryEscape(bool inClass, out string escaped)
    {
        escaped = "";
        if (at >= source.Length)
            return Bad("ends in a lone \\");
        var c = source[at++];
        switch (c)
        {
            case 'd' or 'w' or 's':
                escaped = inClass ? SetOf(c) : $"[{SetOf(c)}]";
                return true;
            case 'D' or 'W' or 'S':
                escaped = $"[^{SetOf(char.ToLowerInvariant(c))}]";
                return !inClass || Bad($"has \\{c} within a class");
            case 't' or 'n' or 'v' or 'f' or 'r':
                escaped = "\\" + c;
                return true;
            case 'x':
                return TryHexadecimal(2, out escaped);
            case 'u':
                return TryHexadecimal(4, out escaped);
            default:
                escaped = Literal(c);
                return !char.IsAsciiLetterOrDigit(c) || Bad($"has the escape \\{c}, which cannot be matched exactly");
        }
    }

    private bool TryHexadecimal(int digits, out string escaped)
    {
        escaped = "";
        if (at + digits > source.Length
            || !ushort.TryParse(source.AsSpan(at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var unit))
            return Bad("has a hexadecimal escape without its digits");
        at += digits;
        escaped = $"\\u{unit:x4}";
        return true;
    }

    private static string SetOf(char c) => c switch { 'd' => Digits, 'w' => WordCharacters, _ => Spaces };

    // Every literal as a code unit: nothing is left that .NET could read as its own syntax.
    private static string Literal(char c) => char.IsAsciiLetterOrDigit(c) ? c.ToString() : $"\\u{(int)c:x4}";

    private bool Bad(string why)
    {
        fault = why;
        return false;
    }
}
