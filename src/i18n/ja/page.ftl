# Words of page
