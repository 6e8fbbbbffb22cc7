using Qwamos.ControlBus.Policy;

namespace Qwamos.Client.Changing;

/// <summary>One key and the value it shall have, both as the schema knows them.</summary>
internal readonly record struct Setting(PolicyKey Key, PolicyValue Value)
{
    /// <summary>The value for a screen; a confidential one stays off it.</summary>
    public string Shown => Key.IsConfidential ? $"{Key.Name} = (hidden)" : $"{Key.Name} = {Showing.KeyText.Of(Value)}";
}
