using System.Text;

namespace Qwamos.ControlBus.Policy;

/// <summary>
/// The forms of names. A key's name is a line of pending.conf, an argument and a file name (<c>hooks.d/KEY</c>), so it
/// begins with a letter and holds letters, digits and <c>_ . -</c> only.
/// </summary>
public static class PolicyNames
{
    internal const string ClassForm = "1 to 32 lower-case letters, digits and hyphens, a letter first";
    internal const string DomainForm = "1 to 64 letters, digits and _ . -, a letter or digit first";

    private const int MaxClassChars = 32;
    private const int MaxDomainChars = 64;

    // Names that objects of some languages already have: a careless reader of the policy would find them where nothing is set.
    private static readonly string[] Reserved = ["__proto__", "constructor", "prototype"];

    /// <summary>What is wrong with a key name, or the empty string.</summary>
    internal static string FaultOfKey(string name)
    {
        if (Encoding.UTF8.GetByteCount(name) is 0 or > Limits.MaxPolicyKeyNameBytes)
            return $"a name has 1 to {Limits.MaxPolicyKeyNameBytes} bytes";
        if (Reserved.Contains(name, StringComparer.OrdinalIgnoreCase))
            return "the name is reserved";
        return char.IsAsciiLetter(name[0]) && name.All(IsNameCharacter)
            ? ""
            : "a name begins with a letter and holds letters, digits and _ . - only";
    }

    /// <summary>The form of a key's name, which is safe as a file's name.</summary>
    public static bool IsKey(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return FaultOfKey(name).Length == 0;
    }

    /// <summary>The form of a class: <c>gateway</c>, <c>dom0</c>, <c>all</c>.</summary>
    public static bool IsClass(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name.Length is > 0 and <= MaxClassChars && char.IsAsciiLetterLower(name[0])
            && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');
    }

    /// <summary>The form of a domain's name.</summary>
    public static bool IsDomain(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name.Length is > 0 and <= MaxDomainChars && char.IsAsciiLetterOrDigit(name[0]) && name.All(IsNameCharacter);
    }

    private static bool IsNameCharacter(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-';
}
