using Qwamos.ControlBus;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Client.Changing;

/// <summary>Turns the words of <c>set</c> into typed settings: the schema says what type a value has.</summary>
internal static class SettingsReader
{
    public static bool TryReadPairs(string[] words, PolicySchema schema, out List<Setting> settings, out Failure failure)
    {
        settings = [];
        if (words.Length % 2 != 0)
            return No(Odd(words), out failure);
        if (words.Length / 2 > Limits.MaxArgs)
            return No(Failure.Usage($"one change has at most {Limits.MaxArgs} keys, these are {words.Length / 2}"), out failure);
        for (var i = 0; i < words.Length; i += 2)
        {
            if (!TryReadOne(words[i], words[i + 1], schema, out var setting, out failure))
                return false;
            foreach (var earlier in settings)
            {
                if (earlier.Key.Name == setting.Key.Name)
                    return No(Failure.Usage($"{setting.Key.Name} is given twice"), out failure);
            }
            settings.Add(setting);
        }
        failure = null!;
        return true;
    }

    private static bool TryReadOne(string name, string text, PolicySchema schema, out Setting setting, out Failure failure)
    {
        setting = default;
        if (!schema.TryGet(name, out var key))
            return No(UnknownKey(name, schema), out failure);
        if (!PolicyValue.TryConvert(key, text, out var value, out var fault))
            return No(Failure.Usage(fault), out failure);
        setting = new Setting(key, value);
        failure = null!;
        return true;
    }

    private static Failure UnknownKey(string name, PolicySchema schema) => Failure.Usage(
        schema.Nearest(name) is { } near ? $"there is no policy key {name}; did you mean {near}?" : $"there is no policy key {name}",
        "All keys: qwamosctl keys");

    private static Failure Odd(string[] words) => words.Length == 1 && words[0].Contains('=', StringComparison.Ordinal)
        ? Failure.Usage("set takes a key and a value as two words", $"Write: qwamosctl set {words[0].Replace('=', ' ')}")
        : Failure.Usage($"{words[^1]} has no value: set takes pairs of a key and a value");

    private static bool No(Failure why, out Failure failure)
    {
        failure = why;
        return false;
    }
}
