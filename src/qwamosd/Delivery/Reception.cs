namespace Qwamos.Daemon.Delivery;

/// <summary>How a domain received what it was given.</summary>
internal enum Reception
{
    /// <summary>Only people can mend it.</summary>
    Refused = 0,

    /// <summary>It took all that it was given.</summary>
    Taken,

    /// <summary>It cannot take it now.</summary>
    Later,

    /// <summary>It stands elsewhere than was thought.</summary>
    Aside,
}
