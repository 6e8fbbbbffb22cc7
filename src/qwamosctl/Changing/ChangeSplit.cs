using Qwamos.ControlBus.Policy;

namespace Qwamos.Client.Changing;

/// <summary>
/// A change that mixes confidential keys with keys of another class is refused as mixed_domains, so a file that does is sent as several
/// messages. One that need not be split stays one message, for a message is all or nothing and several are not.
/// </summary>
internal static class ChangeSplit
{
    public static List<IReadOnlyList<Setting>> Split(IReadOnlyList<Setting> settings)
    {
        var byKey = settings.ToDictionary(setting => setting.Key);
        return ChangeGroups.Split(settings.Select(setting => setting.Key))
            .Select(IReadOnlyList<Setting> (group) => [.. group.Select(key => byKey[key])])
            .ToList();
    }

    public static Failure NotForSet(IReadOnlyList<IReadOnlyList<Setting>> changes)
    {
        var secret = changes.SelectMany(change => change).First(setting => setting.Key.IsConfidential).Key;
        var other = changes.SelectMany(change => change).First(setting => setting.Key.Class != secret.Class).Key;
        return Failure.Usage(
            $"{secret.Name} is confidential to {secret.Class} and cannot go in one message with {other.Name} of {other.Class}",
            "Set them one after the other; qwamosctl apply FILE splits a file by itself");
    }

    public static Failure NotWithOneMessageOptions() => Failure.Usage(
        "--base and --audience speak of one message, but this file mixes confidential keys with others and needs several",
        "Split the file in two and apply each");

    public static Failure NotInOneFile() => Failure.Usage(
        "--out writes one message, and this file mixes confidential keys with others and needs several",
        "Split the file in two, and write each with its own --out");
}
