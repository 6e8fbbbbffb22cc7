namespace Qwamos.ControlBus.Policy;

/// <summary>How far this boot has come. The zero value is not far.</summary>
public enum BootOutcome
{
    /// <summary>It has begun: qwamos-boot-complete has not run yet, or what it needs did not start.</summary>
    Begun,

    /// <summary>A check said no.</summary>
    Incomplete,

    /// <summary>The daemon is ready, and every check succeeded.</summary>
    Complete,
}
