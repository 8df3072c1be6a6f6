"""Types of message fields, as ``SLOT_TYPES`` of a message class names them."""

BOOLEAN_TYPE = "boolean"
OCTET_TYPE = "octet"
FLOATING_POINT_TYPES = ("float", "double", "long double")
CHARACTER_TYPES = ("char", "wchar")
SIGNED_EXPLICIT_INTEGER_TYPES = ("int8", "int16", "int32", "int64")
UNSIGNED_EXPLICIT_INTEGER_TYPES = ("uint8", "uint16", "uint32", "uint64")
SIGNED_INTEGER_TYPES = SIGNED_EXPLICIT_INTEGER_TYPES
UNSIGNED_INTEGER_TYPES = UNSIGNED_EXPLICIT_INTEGER_TYPES
INTEGER_TYPES = (*SIGNED_INTEGER_TYPES, *UNSIGNED_INTEGER_TYPES)
BASIC_TYPES = (*INTEGER_TYPES, *FLOATING_POINT_TYPES, *CHARACTER_TYPES, BOOLEAN_TYPE, OCTET_TYPE)

EMPTY_STRUCTURE_REQUIRED_MEMBER_NAME = "structure_needs_at_least_one_member"
SERVICE_REQUEST_MESSAGE_SUFFIX = "_Request"
SERVICE_RESPONSE_MESSAGE_SUFFIX = "_Response"
SERVICE_EVENT_MESSAGE_SUFFIX = "_Event"
ACTION_GOAL_SUFFIX = "_Goal"
ACTION_RESULT_SUFFIX = "_Result"
ACTION_FEEDBACK_SUFFIX = "_Feedback"
ACTION_GOAL_SERVICE_SUFFIX = "_SendGoal"
ACTION_RESULT_SERVICE_SUFFIX = "_GetResult"
ACTION_FEEDBACK_MESSAGE_SUFFIX = "_FeedbackMessage"


class _ByValue:
    """Compares and prints by its attributes."""

    __slots__ = ()

    def _values(self):
        return tuple(
            getattr(self, name) for cls in reversed(type(self).__mro__) for name in getattr(cls, "__slots__", ())
        )

    def __eq__(self, other):
        return type(self) is type(other) and self._values() == other._values()

    def __hash__(self):
        return hash((type(self), repr(self._values())))

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(repr(value) for value in self._values())})"


class AbstractType(_ByValue):
    """Any type of a field."""

    __slots__ = ()


class AbstractNestableType(AbstractType):
    """A type that can be an element of an array or sequence."""

    __slots__ = ()


class BasicType(AbstractNestableType):
    """A number, boolean or octet."""

    __slots__ = ("typename",)

    def __init__(self, typename):
        assert typename in BASIC_TYPES
        self.typename = typename


class AbstractStringType(AbstractNestableType):
    """Any text."""

    __slots__ = ()


class AbstractGenericString(AbstractStringType):
    """Text of either character width."""

    __slots__ = ()

    def has_maximum_size(self):
        return False


class AbstractString(AbstractGenericString):
    """Text of 8 bit characters."""

    __slots__ = ()


class AbstractWString(AbstractGenericString):
    """Text of 16 bit characters."""

    __slots__ = ()


class BoundedString(AbstractString):
    """Text of 8 bit characters with a maximum length."""

    __slots__ = ("maximum_size",)

    def __init__(self, maximum_size):
        assert maximum_size >= 0
        self.maximum_size = maximum_size

    def has_maximum_size(self):
        return True


class UnboundedString(AbstractString):
    """Text of 8 bit characters of any length."""

    __slots__ = ()


class BoundedWString(AbstractWString):
    """Text of 16 bit characters with a maximum length."""

    __slots__ = ("maximum_size",)

    def __init__(self, maximum_size):
        assert maximum_size >= 0
        self.maximum_size = maximum_size

    def has_maximum_size(self):
        return True


class UnboundedWString(AbstractWString):
    """Text of 16 bit characters of any length."""

    __slots__ = ()


class NamedType(AbstractNestableType):
    """A type known by a bare name."""

    __slots__ = ("name",)

    def __init__(self, name):
        self.name = name


class NamespacedType(AbstractNestableType):
    """A message type."""

    __slots__ = ("name", "namespaces")

    def __init__(self, namespaces, name):
        self.namespaces = list(namespaces)
        self.name = name

    def namespaced_name(self):
        return (*self.namespaces, self.name)


class AbstractNestedType(AbstractType):
    """A type made of elements."""

    __slots__ = ("value_type",)

    def __init__(self, value_type):
        assert isinstance(value_type, AbstractNestableType)
        self.value_type = value_type

    def has_maximum_size(self):
        return False


class Array(AbstractNestedType):
    """A fixed number of elements."""

    __slots__ = ("size",)

    def __init__(self, value_type, size):
        super().__init__(value_type)
        self.size = size

    def has_maximum_size(self):
        return True


class AbstractSequence(AbstractNestedType):
    """A varying number of elements."""

    __slots__ = ()


class BoundedSequence(AbstractSequence):
    """At most a given number of elements."""

    __slots__ = ("maximum_size",)

    def __init__(self, value_type, maximum_size):
        super().__init__(value_type)
        assert maximum_size >= 0
        self.maximum_size = maximum_size

    def has_maximum_size(self):
        return True


class UnboundedSequence(AbstractSequence):
    """Any number of elements."""

    __slots__ = ()
