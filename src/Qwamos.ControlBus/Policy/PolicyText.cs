using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Policy;

/// <summary>
/// Text that may stand in a policy value: it becomes a line of pending.conf and an argument of a hook, so it holds no
/// control character, line separator or character that reorders what is read, whatever a schema would admit.
/// </summary>
internal static class PolicyText
{
    public static bool IsSafe(PolicyValue value) => value.Type != PolicyType.String || IsSafe(value.Text);

    // ForTerminal returns text without dangerous characters as it is.
    public static bool IsSafe(string text) => string.Equals(SafeText.ForTerminal(text), text, StringComparison.Ordinal);
}
