namespace Qwamos.ControlBus.Policy;

/// <summary>The three types of policy values.</summary>
public enum PolicyType
{
    String = 0,
    Integer,
    Boolean,
}
