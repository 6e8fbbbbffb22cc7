namespace Qwamos.ControlBus.Json;

/// <summary>The six kinds of JSON value.</summary>
public enum JsonKind
{
    Null = 0,
    Boolean,
    Number,
    String,
    Array,
    Object,
}
